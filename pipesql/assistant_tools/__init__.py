"""What an assistant may do with a database: five tools, their specifications, and the box that runs them.

They only read, in this process, under limits. Training text is made with the same tools that answer later.
"""

from pipesql.assistant_tools.specs import SPECS
from pipesql.assistant_tools.toolbox import Limits, Toolbox

__all__ = ["SPECS", "Limits", "Toolbox"]
