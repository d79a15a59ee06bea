"""What every wing stands on: errors, waiting, processes, the ledger, ports, the wire, the graph."""
