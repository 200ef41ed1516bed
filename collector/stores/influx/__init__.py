"""The InfluxDB 2.x store: natural keys, so that what comes again overwrites itself."""
