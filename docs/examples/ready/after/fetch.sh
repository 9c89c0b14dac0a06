#!/bin/sh
tocsin run --sets ready -- cp "$1" data
