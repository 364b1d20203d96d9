"""Values of declared fields: beside their labels, and in the columns of the item table."""
