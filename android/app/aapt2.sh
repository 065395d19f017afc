#!/bin/sh
# Resources and assets to resources.apk and R.java: aapt2.sh FRAMEWORK.jar GENERATED_RES OUT
set -eu
sdk=$1 generated=$2 out=$3
rm -rf "$out/gen-r"
mkdir -p "$out/gen-r"
aapt2 compile --dir "$generated" -o "$out/res-generated.zip"
aapt2 compile --dir src/main/res -o "$out/res-own.zip"
aapt2 link -I "$sdk" --manifest src/main/AndroidManifest.xml --java "$out/gen-r" --auto-add-overlay \
  --min-sdk-version 26 --target-sdk-version 34 -A "$generated/../assets" -o "$out/resources.apk" "$out/res-generated.zip" "$out/res-own.zip"
