"""`python -m nakhon` is `nakhon`."""

from nakhon.cli import main

main()
