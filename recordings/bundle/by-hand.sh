#!/bin/sh
# Checks the bundle by hand, with sha256sum, openssl (3.0 or newer) and the usual tools. Run it in the unpacked folder:
#     sh by-hand.sh FINGERPRINT-OF-THE-SITE
# or type the lines one by one. Each step prints what it found; the script stops at the first that fails.
set -eu
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
chain=recording/chain.jsonl

# 0. Whatever is read below is a file: a pipe or a device would never end.
odd=$(find -L . ! -type f ! -type d | head -n 1)
[ -z "$odd" ] || { echo "$odd is neither a file nor a folder"; exit 3; }

# 1. The site's key is the one whose fingerprint you were given by another way.
seen=$(openssl pkey -pubin -in site.pub -outform DER | sha256sum | cut -d' ' -f1)
echo "site key  $seen"
[ "$seen" = "${1:-}" ] || { echo "NOT the fingerprint you gave; without it nobody knows whose recording this is"; exit 3; }

# 2. No file of the bundle was changed since the site signed the list, and no file is there that it does not list.
openssl pkeyutl -verify -pubin -inkey site.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig
sha256sum --quiet --strict -c SHA256SUMS || { echo "a file is not the one the site listed"; exit 1; }
for file in derived/* recording/* recording/aside/*; do
  [ ! -e "$file" ] || [ "$file" = recording/aside ] || cut -c67- SHA256SUMS | grep -qxF "$file" || {
    echo "$file is not listed; nothing vouches for it"; exit 3; }
done
echo "all files as listed"

# 3. The site certified the key of the last take: with the key of step 1, or with an earlier one of which the signed
#    statement says that it was the site's.
take=$(grep '"type":"take"' $chain | tail -n 1 | cut -f1)
key=$(echo "$take" | sed 's/.*"key":"\([^"]*\)".*/\1/')
name=$(echo "$take" | sed 's/.*"recording":"\([^"]*\)".*/\1/')
number=$(echo "$take" | sed 's/.*"take":\([0-9]*\).*/\1/')
echo "$take" | sed 's/.*"cert":"\([^"]*\)".*/\1/' | base64 -d > "$work/cert.sig"
printf 'yuanjian/take/1\n{"key":"%s","recording":"%s","take":%s}' "$key" "$name" "$number" > "$work/cert"
site=$(echo "$take" | sed 's/.*"site":"\([^"]*\)".*/\1/')
grep -o '"sites":\[[^]]*\]' statement.jsonl | grep -qF "\"$site\"" || { echo "certified by a key that is not the site's"; exit 1; }
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; echo "$site" | base64 -d; } > "$work/site.der"
openssl pkeyutl -verify -pubin -inkey "$work/site.der" -keyform DER -rawin -in "$work/cert" -sigfile "$work/cert.sig"

# 4. That key signed the last line, which ends the recording, and nothing comes after its signature.
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'; echo "$key" | base64 -d; } > "$work/take.der"
{ printf 'yuanjian/chain/1\n'; tail -n 1 $chain | cut -f1 | tr -d '\n'; } > "$work/last"
tail -n 1 $chain | cut -f2 | base64 -d > "$work/last.sig"
openssl pkeyutl -verify -pubin -inkey "$work/take.der" -keyform DER -rawin -in "$work/last" -sigfile "$work/last.sig"
[ "$(tail -n 1 $chain | cut -f2-)" = "$(base64 -w 0 "$work/last.sig")" ] || { echo "the last line goes on after its signature"; exit 1; }
[ "$(tail -c 1 $chain | od -An -tx1)" = " 0a" ] || { echo "the last line is not whole"; exit 3; }
tail -n 1 $chain | grep -q '"type":"close"' || { echo "the end was never signed"; exit 3; }
echo "digest    $(tail -n 1 $chain | sha256sum | cut -d' ' -f1)  (compare with the printed statement)"

# 5. Every line holds the SHA-256 of the line before it.
previous=$(printf '0%.0s' $(seq 64)); count=0
while IFS= read -r line; do
  case "$line" in *"\"prev\":\"$previous\""*) ;; *) echo "line $((count + 1)) does not follow"; exit 1 ;; esac
  previous=$(printf '%s\n' "$line" | sha256sum | cut -d' ' -f1); count=$((count + 1))
done < $chain
echo "$count lines, each following the one before"

# 6. Picture and sound of every second are what the lines say, and there is no more of them.
offset=0; last=
ends() { [ -z "$1" ] || [ "$(wc -c < "$1")" -eq "$2" ] || { echo "$1 goes on after what was recorded"; exit 3; }; }
grep '"type":"frame"' $chain | cut -f1 | { while IFS= read -r line; do
  segment=$(printf 'recording/seg-%06d' "$(echo "$line" | sed 's/.*"segment":\([0-9]*\).*/\1/')")
  length=$(echo "$line" | sed 's/.*"length":\([0-9]*\).*/\1/'); want=stored
  if [ -f "$segment.pcapng" ]; then segment=$segment.pcapng; length=$((length - 72)); want=plain; fi
  [ "$segment" = "$last" ] || { ends "$last" $offset; offset=0; }
  seen=$(tail -c +$((offset + 1)) "$segment" | head -c "$length" | sha256sum | cut -d' ' -f1)
  said=$(echo "$line" | sed "s/.*\"$want\":\"\([0-9a-f]*\)\".*/\1/")
  [ "$seen" = "$said" ] || { echo "$segment at $offset is not what was recorded"; exit 1; }
  offset=$((offset + length)); last=$segment
done; ends "$last" $offset; }
echo "picture and sound of every second are what was signed"
echo INTACT
