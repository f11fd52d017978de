"""What an assistant may do with a database: five tools, their specifications, and the toolbox that runs them.

They only read, in this process, under limits. Training text is made with the same tools that answer later.
"""
