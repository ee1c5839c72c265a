"""Files of any form to rows."""
