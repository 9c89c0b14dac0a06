#!/bin/sh
until [ -f ready ]; do sleep 1; done
wc -l < data
