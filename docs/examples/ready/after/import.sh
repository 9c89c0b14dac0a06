#!/bin/sh
evt_wait ready || exit
wc -l < data
