"""The engine `azure_openai`: a model quotes texts of numbered lines, and only texts found in the document count."""
