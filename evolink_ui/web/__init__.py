"""Our own routes beside Gradio and the guard in front of both.

`server.create_app` puts page, routes and guard together; handlers of the page ask `visitor.visitor_of`,
`visitor.key_of`, `visitor.may` and `received.received_file`; `signing.FileLinks` makes the links of files.
"""
