#!/bin/sh
rm -f ready
cp "$1" data && touch ready
