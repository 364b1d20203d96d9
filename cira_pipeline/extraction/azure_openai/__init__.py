"""The engine `azure_openai`: numbered lines in, verbatim texts with line numbers out, nothing believed unseen."""
