"""Tables from outside (CSV, XLSX) into a store, through the same door as what comes over MQTT."""
