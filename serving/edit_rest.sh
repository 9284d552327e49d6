#!/usr/bin/env bash
# Edits an aligned face over TensorFlow Serving's REST API, with curl:
#
#     serving/edit_rest.sh --image=face.png --au=AU06=4,AU12=4.5 --out=out.png
#
# --image: a JPEG or PNG of an aligned face, square (README.md says how to align)
# --au: the wanted action units, 0 to 5; those that are not named become 0
# --out: the PNG to write
# --server: default http://localhost:8501
# --model: what the server calls the model, efgan; with a version or a label as
#          efgan/versions/2 or efgan/labels/stable
# --dry_run: print the request's JSON instead of sending it
set -euo pipefail

UNITS="AU01 AU02 AU04 AU05 AU06 AU07 AU09 AU10 AU12 AU14 AU15 AU17 AU20 AU23 \
AU25 AU26 AU45"

fail() {
    echo "error: $*" >&2
    exit 2
}

server=http://localhost:8501 model=efgan image= au= out= dry_run=false
for argument in "$@"; do
    value=${argument#*=}
    case $argument in
    --image=*) image=$value ;;
    --au=*) au=$value ;;
    --out=*) out=$value ;;
    --server=*) server=$value ;;
    --model=*) model=$value ;;
    --dry_run) dry_run=true ;;
    --help)
        sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p;}' "$0"
        exit
        ;;
    *) fail "unknown argument $argument; see --help" ;;
    esac
done
[[ -f $image ]] || fail "--image=$image is no file"
[[ -n $out || $dry_run == true ]] || fail "give --out=FILE.png"

# "AU06=4,AU12=4.5" as the 17 numbers in their order.
vector() {
    awk -v wanted="$au" -v units="$UNITS" 'BEGIN {
        count = split(units, names, " ")
        for (i = 1; i <= count; i++) value[names[i]] = 0
        pairs = split(wanted, pair, ",")
        for (i = 1; i <= pairs; i++) {
            name = number = pair[i]
            sub(/=.*/, "", name); sub(/^[^=]*=?/, "", number)
            if (!(name in value)) { print name " is none of " units; exit 1 }
            if (number !~ /^([0-4](\.[0-9]+)?|5(\.0+)?)$/) {
                print name "=" number " is no number from 0 to 5"; exit 1
            }
            value[name] = number
        }
        for (i = 1; i <= count; i++)
            printf "%s%s", (i > 1 ? "," : ""), value[names[i]]
    }'
}

numbers=$(vector) || fail "--au: $numbers"

request() {
    printf '{"signature_name": "edit_bytes", "instances": [{"image_bytes": '
    printf '{"b64": "%s"}, ' "$(base64 <"$image" | tr -d '\n')"
    printf '"action_units": [%s]}]}\n' "$numbers"
}

if [[ $dry_run == true ]]; then
    request
    exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=$(request | curl --silent --show-error --max-time 60 \
    --header "Content-Type: application/json" --data-binary @- \
    --output "$work/answer" --write-out '%{http_code}' \
    "$server/v1/models/$model:predict") || fail "$server does not answer"
[[ $status == 200 ]] || fail "$server answers $status: $(cat "$work/answer")"
# The answer is {"predictions": [{"b64": "…"}]}.
tr -d '\n' <"$work/answer" | sed -n 's/.*"b64": *"\([^"]*\)".*/\1/p' |
    base64 --decode >"$work/face.png"
[[ -s $work/face.png ]] || fail "$server sends no picture"
mv "$work/face.png" "$out"
echo "$out"
