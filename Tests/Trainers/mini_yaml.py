"""Reads the YAML of a trainer's file, as far as the tests' files go: block maps and lists, flow ones of scalars,
plain and quoted scalars, comments. Standard library only.
"""
import re


def read_yaml(text):
    lines = []
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        if line.strip() and line.strip() != "---":
            lines.append((len(line) - len(line.lstrip()), line.strip()))
    value, rest = block(lines)
    assert not rest, f"not understood: {rest[0]}"
    return value


def block(lines):
    indent = lines[0][0]
    return (items if lines[0][1].startswith("- ") else entries)(lines, indent)


def items(lines, indent):
    result = []
    while lines and lines[0][0] == indent and lines[0][1].startswith("- "):
        inner = lines[0][1][2:].strip()
        lines = lines[1:]
        if key_of(inner):
            # A map that begins on the line of its dash.
            value, lines = entries([(indent + 2, inner), *lines], indent + 2)
        else:
            value = scalar(inner)
        result.append(value)
    return result, lines


def entries(lines, indent):
    result = {}
    while lines and lines[0][0] == indent and not lines[0][1].startswith("- "):
        key, value = key_of(lines[0][1])
        lines = lines[1:]
        if value:
            result[key] = scalar(value)
        elif lines and (lines[0][0] > indent or lines[0][0] == indent and lines[0][1].startswith("- ")):
            result[key], lines = block(lines)
        else:
            result[key] = None
    return result, lines


def key_of(text):
    match = re.match(r"""^("[^"]*"|'[^']*'|[^\s"'\[{][^:]*):(?:\s+(.*))?$""", text)
    return (scalar(match[1]) if match[1][0] in "\"'" else match[1], match[2] or "") if match else None


def scalar(text):
    if text.startswith("[") and text.endswith("]"):
        return [scalar(part.strip()) for part in text[1:-1].split(",") if part.strip()]
    if text.startswith("{") and text.endswith("}"):
        return {key: scalar(value) for key, value in (key_of(part.strip()) for part in text[1:-1].split(",") if part.strip())}
    if text[:1] in "\"'" and text[-1:] == text[:1]:
        return text[1:-1]
    words = {"true": True, "false": False, "null": None, "~": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
