#!/usr/bin/env bash
# Makes certificates to test TLS with, and the server's ssl.config:
#
#     serving/make_certificates.sh --out=serving/tls [--host=edit.example.org]
#
# --host: a further name or address of the server (may be repeated); localhost
#         and 127.0.0.1 are always there
# --days: how long they are good for (default 90)
# --client_verify: the server asks clients for a certificate, too
#
# Writes ca.pem (clients trust it), client.pem and client.key (a client shows
# them), and server/ssl.config (the server reads it; holds its private key). The
# authority's key is thrown away: to renew anything, make everything anew. For
# production, take the certificates of your own authority and --server_key,
# --server_cert and --ca, files in PEM form, to write ssl.config alone.
set -euo pipefail

fail() {
    echo "error: $*" >&2
    exit 2
}

out= days=90 verify=false server_key= server_cert= ca=
names="DNS:localhost,IP:127.0.0.1"
for argument in "$@"; do
    value=${argument#*=}
    case $argument in
    --out=*) out=$value ;;
    --days=*) days=$value ;;
    --host=*)
        [[ $value =~ ^[A-Za-z0-9.:*-]+$ ]] || fail "--host=$value is no name"
        if [[ $value =~ ^[0-9.]+$ || $value == *:* ]]; then
            names+=",IP:$value"
        else
            names+=",DNS:$value"
        fi
        ;;
    --client_verify) verify=true ;;
    --server_key=*) server_key=$value ;;
    --server_cert=*) server_cert=$value ;;
    --ca=*) ca=$value ;;
    --help)
        sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p;}' "$0"
        exit
        ;;
    *) fail "unknown argument $argument; see --help" ;;
    esac
done
[[ -n $out ]] || fail "give --out=FOLDER"
[[ $days =~ ^[1-9][0-9]{0,4}$ ]] || fail "--days=$days is no number of days"
command -v openssl >/dev/null || fail "openssl is not installed"

umask 077 # keys are nobody else's
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One line of the configuration: a PEM file as a string, line ends as \n.
field() {
    printf '%s: "' "$1"
    awk '{ sub(/\r$/, ""); printf "%s\\n", $0 }' "$2"
    printf '"\n'
}

write_config() { # key, certificate, authority
    mkdir -p "$out/server"
    {
        field server_key "$1"
        field server_cert "$2"
        if [[ -n $3 ]]; then field custom_ca "$3"; fi
        echo "client_verify: $verify"
    } >"$work/ssl.config"
    mv "$work/ssl.config" "$out/server/ssl.config"
}

if [[ -n $server_key$server_cert$ca ]]; then
    [[ -n $server_key && -n $server_cert ]] ||
        fail "--server_key and --server_cert go together"
    [[ $verify == false || -n $ca ]] || fail "--client_verify needs --ca"
    for file in "$server_key" "$server_cert" ${ca:+"$ca"}; do
        grep -q -- "-----BEGIN" "$file" || fail "$file is no PEM file"
    done
    write_config "$server_key" "$server_cert" "$ca"
    echo "$out/server/ssl.config"
    exit
fi

new_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
        -out "$1" 2>/dev/null
}

signed() { # name, subject, extensions
    new_key "$work/$1.key"
    openssl req -new -key "$work/$1.key" -subj "/CN=$2" -out "$work/$1.csr"
    printf '%s\n' "basicConstraints=critical,CA:false" "$3" >"$work/$1.ext"
    openssl x509 -req -in "$work/$1.csr" -days "$days" -sha256 \
        -CA "$work/ca.pem" -CAkey "$work/ca.key" -CAcreateserial \
        -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
}

new_key "$work/ca.key"
openssl req -x509 -key "$work/ca.key" -days "$days" -sha256 \
    -subj "/CN=efgan test authority" -out "$work/ca.pem" \
    -addext "keyUsage=critical,keyCertSign,cRLSign"
signed server efgan "subjectAltName=$names
extendedKeyUsage=serverAuth"
signed client "efgan client" "extendedKeyUsage=clientAuth"

mkdir -p "$out"
write_config "$work/server.key" "$work/server.pem" "$work/ca.pem"
mv "$work/ca.pem" "$work/client.pem" "$work/client.key" "$out/"
printf '%s\n' "$out/server/ssl.config" "$out/ca.pem" "$out/client.pem" \
    "$out/client.key"
