#!/bin/sh
# One whole contest: two files are uploaded, one signed call names them, and its signed answer is checked.
#
#     contest.sh DISPUTE_NO RECEIPT REFUND
#
# RECEIPT and REFUND are files, or storageUris that an earlier run has printed. REBUTTAL_URL, REBUTTAL_APP_ID and
# REBUTTAL_APP_SECRET must be set. Needs curl and openssl, and a POSIX shell with the usual tools.
#
# Exit codes: 0 contested, in a signed answer. 1 a file or setting is invalid. 2 usage. 3 refused. 4 unknown; the
# command to run is printed. 5 no settled answer, nothing contested. 6 the answer cannot be verified, nothing contested.
set -eu

end() { # CODE WHY
  printf '%s\n' "$2" >&2
  exit "$1"
}

# Untrusted text, of which only ASCII is shown.
said() { LC_ALL=C tr -cd '\012\040-\176' < "$temp/answer" | head -c 500; }

sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }

# Seven values, each followed by a line feed, the last one too; the body comes from standard input. The secret goes
# through a pipe: every user of the machine can see a command line.
sign() { # URL TIMESTAMP NONCE
  { printf '%s\n' "$REBUTTAL_APP_ID" "$REBUTTAL_APP_SECRET" POST "$1" "$2" "$3" && cat && echo; } | sha256
}

authorization() { # SIGN TIMESTAMP NONCE
  printf '%s\n' "V2_SHA256 appId=$REBUTTAL_APP_ID,sign=$1,timestamp=$2,nonce=$3"
}

# The text of a member of the answer. The members that are read here never contain escapes.
member() { # NAME
  grep -o "\"$1\":\"[^\"\\\\]*\"" "$temp/answer" | head -n 1 | cut -d '"' -f 4
}

# Sends one signed call; exits unless the answer is a verified OK, which is stored in $temp/answer, its header in $proof.
call() { # PATH BODY EXIT-IF-UNANSWERED EXIT-IF-UNPROVEN
  url=$REBUTTAL_URL$1
  timestamp=$(date +%s)000
  nonce=$(openssl rand -hex 16)
  sign=$(printf %s "$2" | sign "$url" "$timestamp" "$nonce")
  # The body is sent from standard input, byte for byte as it was signed.
  printf %s "$2" | curl --silent --show-error --globoff --max-time 30 --max-filesize 1048576 \
    --header 'Content-Type: application/json' --header 'Accept: application/json' \
    --header "Authorization: $(authorization "$sign" "$timestamp" "$nonce")" \
    --data-binary @- --dump-header "$temp/head" --output "$temp/answer" "$url" || end "$3" "no answer$again"

  # The header is compared with the only one that the gateway could have sent with this answer to this very request.
  # A shell cannot compare in constant time. It need not here: no two requests expect the same header.
  proof=$(tr -d '\r' < "$temp/head" | sed -n 's/^[Aa]uthorization: *//p')
  timestamp=$(printf %s "$proof" | sed -n 's/.*timestamp=\([0-9]\{13\}\),.*/\1/p')
  # "answer": the answer is the outcome of this request. "notice": the gateway sent it to a caller with this nonce and
  # signature, and the request may still take effect.
  # SHA-256 can be extended without the secret; what is appended has zeros, and such an answer proves nothing.
  proven=
  [ "$(LC_ALL=C tr -d '\000-\010\013\014\016-\037' < "$temp/answer" | wc -c)" = "$(wc -c < "$temp/answer")" ] || proof=
  for label in answer notice; do
    bound=$(printf '%s\n%s\n%s\n' "$label" "$nonce" "$sign" | sha256 | cut -c 1-32 | tr a-f A-F)
    right=$(sign "$url" "$timestamp" "$bound" < "$temp/answer")
    [ "$proof" != "$(authorization "$right" "$timestamp" "$bound")" ] || proven=$label
  done
  case $proven in
    answer) ;;
    notice) end "$3" "A notice, which settles nothing: $(cat "$temp/answer")$again" ;;
    *) end "$4" "The answer cannot be verified: wrong secret, app or URL, or not the gateway. It says: $(said)$again" ;;
  esac

  case $(member code) in
    OK) ;;
    # After a verified answer with one of these codes, the call may still have taken effect.
    Common.Auth.ReplayedNonce | Common.System.Error | Common.System.OutcomeUnknown)
      end "$3" "$(cat "$temp/answer")$again" ;;
    *) end 3 "Refused: $(cat "$temp/answer")" ;;
  esac
}

# Uploads a file; stores its storageUri in $uri.
upload() { # FILE
  uri=$1
  case $1 in s3://*) return ;; esac
  [ -r "$1" ] || end 1 "$1 cannot be read"
  call /pg/v2/file/generateUploadUrl "{\"filename\":\"evidence.${1##*.}\",\"scene\":\"DISPUTE_EVIDENCE\"}" 5 6
  uri=$(member storageUri)
  upload_url=$(member uploadUrl)

  # "name":"value" of every form field, one a line; then the file, which must come last.
  file=$1
  set --
  while IFS='"' read -r _ name _ value _; do
    set -- "$@" --form-string "$name=$value"
  done << FIELDS
$(sed 's/.*"formFields":{\([^}]*\)}.*/\1/' "$temp/answer" | grep -o '"[^"]*":"[^"]*"')
FIELDS
  status=$(curl --silent --show-error --globoff --max-time 60 --output "$temp/answer" --write-out '%{http_code}' \
    "$@" --form 'file=@-;filename=evidence' "$upload_url" < "$file") || end 5 "$file was not taken: no answer"
  [ "$status" = 204 ] || end 3 "Refused: $file was not taken: $status $(said)"
  echo "$file is stored at $uri"
}

[ $# -eq 3 ] || end 2 'usage: contest.sh DISPUTE_NO RECEIPT REFUND'
[ "${REBUTTAL_URL:-}" ] && [ "${REBUTTAL_APP_ID:-}" ] && [ "${REBUTTAL_APP_SECRET:-}" ] ||
  end 1 'REBUTTAL_URL, REBUTTAL_APP_ID and REBUTTAL_APP_SECRET must be set'
case $REBUTTAL_URL in
  https://* | http://*) ;;
  *) end 1 'REBUTTAL_URL must begin with https:// or http://' ;;
esac
case $1 in *[!0-9A-Za-z_-]*) end 1 "$1 is no number of a dispute" ;; esac
umask 077
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
again=

upload "$2"
receipt=$uri
upload "$3"
refund=$uri
# The same contest with the same storageUris is a repetition: it is recorded once.
again="
Whether it counts is not known. To make sure: sh $0 $1 $receipt $refund"
call /pg/v2/dispute/contest "{\"disputeNo\":\"$1\",\"evidenceList\":[
  {\"type\":\"RECEIPT\",\"name\":\"Receipt – reçu № 7\",\"url\":\"$receipt\"},
  {\"type\":\"REFUND\",\"name\":\"Refund confirmation – 退款凭证\",\"url\":\"$refund\"}]}" 4 4
printf '%s is contested; the gateway has signed for it:\n%s\n%s\n' "$1" "$proof" "$(cat "$temp/answer")"
