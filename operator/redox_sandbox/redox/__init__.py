"""A stand-in of Redox: token endpoint, FHIR, Data Model, Platform API, legacy keys, and faults.

The decisions (`token_request`, `client_assertion`, `tokens`, `faults`, `patients`, …) know no HTTP;
the modules that serve (`token_endpoint`, `fhir`, `data_model`, …) turn them into answers;
`server.running` puts both on a socket.
"""
