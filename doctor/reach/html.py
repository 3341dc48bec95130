"""A map as one HTML file for a security review: the picture, and under each arrow's number what is required to pass it.

It needs nothing from elsewhere, and its own policy lets the browser fetch and run nothing.
"""

from datetime import datetime
from html import escape

from doctor.reach.model import Edge, ReachMap
from doctor.reach.svg import svg

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #111827; margin: 2rem auto; max-width: 1400px; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.made { color: #4b5563; margin-top: .2rem; }
svg { width: 100%; height: auto; border: 1px solid #e5e7eb; border-radius: 8px; background: #fcfcfd; }
table { border-collapse: collapse; width: 100%; } tr { break-inside: avoid; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem; border-bottom: 1px solid #e5e7eb; }
th { color: #4b5563; font-weight: 600; } td { overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 1.1rem; } code { font: 13px/1.5 ui-monospace, monospace; }
.danger { background: #fde8e8; } .warning { color: #b91c1c; font-weight: 600; }
"""


def html(reach: ReachMap, made_at: datetime) -> str:
    """The whole document."""
    rows = "\n".join(_row(number, edge) for number, edge in enumerate(reach.edges, start=1))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Who can reach what: {escape(reach.title)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>Who can reach what: {escape(reach.title)}</h1>
<p class="made">Read {escape(made_at.strftime("%Y-%m-%d %H:%M %Z"))} from the live trust policies, role policies and IAM
bindings. {_dangers(reach)}</p>
{_unread(reach)}
{svg(reach)}
<h2>What each arrow requires</h2>
<table>
<thead><tr><th>#</th><th>from</th><th>to</th><th>by</th><th>only if</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p class="made">Not shown: bucket and key policies, permissions boundaries, and the policies of organizations, which can
take away from this and, for buckets and keys, add to it.</p>
</body>
</html>
"""


def _dangers(reach: ReachMap) -> str:
    count = len(reach.dangers)
    if not count:
        return "No arrow lets in more than one named identity."
    arrows = "arrow lets" if count == 1 else "arrows let"
    return f'<span class="warning">{count} {arrows} in more identities than meant.</span>'


def _unread(reach: ReachMap) -> str:
    if not reach.unread:
        return ""
    items = "".join(f"<li>{escape(reason)}</li>" for reason in reach.unread)
    return f'<p class="warning">Not read, so this may be incomplete:</p><ul>{items}</ul>'


def _row(number: int, edge: Edge) -> str:
    conditions = "".join(f"<li><code>{escape(each)}</code></li>" for each in edge.conditions)
    required = f"<ul>{conditions}</ul>" if conditions else "always"
    warning = f'<div class="warning">{escape(edge.danger)}</div>' if edge.danger else ""
    opened = '<tr class="danger">' if edge.danger else "<tr>"
    return (
        f"{opened}<td>{number}</td><td>{escape(edge.source.title)}</td>"
        f"<td>{escape(edge.target.title)}</td><td>{escape(edge.how)}{warning}</td><td>{required}</td></tr>"
    )
