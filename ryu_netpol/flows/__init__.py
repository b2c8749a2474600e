"""L2: how policy is written in OpenFlow: fields, tables, flows, the compiler, the wire, an interpreter to check it."""
