#!/usr/bin/env bash
# Tells the IoT Agent of the stations of @scenario@: the measures of a key `nakhon` become attributes of that name.
#   nakhon simulate @scenario@ --broker @url@ --pace realtime --start now --format template \
#       --topic 'json/nakhon/{city}_{station}/attrs' --payload '{"{indicator}": {value}, "TimeInstant": "{time}"}'
# A station that tells of events needs {fields} and {period} in the payload too: see docs/formats.md.
set -euo pipefail
curl -fsS -X POST http://localhost:4041/iot/services -H 'Content-Type: application/json' \
    -H 'fiware-service: nakhon' -H 'fiware-servicepath: /' -d @- <<'JSON'
@services@
JSON
