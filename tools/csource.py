# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the port443 authors
"""How the checkers read C: files of the tree, text without comments, includes, functions.

A scanner, not a compiler: clang-format fixes the shape of the text before it gets here. What it cannot see (macro
expansion, unbalanced braces in #if branches) no checker may depend on.
"""

import os
import re
import subprocess
import sys

KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "do", "else", "case", "goto", "_Alignof", "typeof",
            "_Static_assert", "static_assert", "__attribute__", "_Generic"}

_LEX = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]+([<\"])([^>\"\n]+)[>\"]", re.M)
_TOKEN = re.compile(r"[A-Za-z_]\w*|[0-9][\w.]*|->|[^\s\w]")


def _hollow(text):
    return re.sub(r"[^\n]", " ", text)


class Function:
    """A function body: name, first line, last line, parameter count, deepest nesting and its line."""

    def __init__(self, name, line, params):
        self.name, self.line, self.params = name, line, params
        self.last = line
        self.depth, self.depth_line = 0, line

    @property
    def lines(self):
        return self.last - self.line + 1


class Source:
    """One C file. `text` as written; `bare` without comments; `code` without comments, literals; `flow` also without
    preprocessor lines. All four have the same offsets, so that a position found in one is a position in all."""

    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
            self.text = f.read()
        self.comments = []  # (offset, text)
        bare, code = [], []
        last = 0
        for m in _LEX.finditer(self.text):
            between = self.text[last:m.start()]
            tok = m.group(0)
            bare.append(between)
            code.append(between)
            if tok[0] == "/":
                self.comments.append((m.start(), tok))
                bare.append(_hollow(tok))
                code.append(_hollow(tok))
            else:
                bare.append(tok)
                code.append(tok[0] + _hollow(tok[1:-1]) + tok[-1])
            last = m.end()
        bare.append(self.text[last:])
        code.append(self.text[last:])
        self.bare, self.code = "".join(bare), "".join(code)
        self.flow = _DIRECTIVE.sub(lambda m: _hollow(m.group(0)), self.code)
        self._starts = [0] + [m.end() for m in re.finditer("\n", self.text)]

    def line_of(self, offset):
        lo, hi = 0, len(self._starts)
        while hi - lo > 1:
            mid = (lo + hi) // 2
            if self._starts[mid] <= offset:
                lo = mid
            else:
                hi = mid
        return lo + 1

    def includes(self):
        """[(line, '<' or '"', name)] in order."""
        return [(self.line_of(m.start()), m.group(1), m.group(2)) for m in _INCLUDE.finditer(self.bare)]

    def functions(self):
        """Every function body in the file."""
        toks = [(m.group(0), m.start()) for m in _TOKEN.finditer(self.flow)]
        opener = _match_parens(toks)
        found, stack, fn = [], [], None  # stack of 'fn' | 'block' | 'data'
        for i, (t, off) in enumerate(toks):
            if t == "{":
                kind = _brace_kind(toks, i, opener, stack)
                stack.append(kind)
                if kind == "fn":
                    fn = self._open(toks, i, opener)
                elif kind == "block" and fn:
                    depth = stack.count("block")
                    if depth > fn.depth:
                        fn.depth, fn.depth_line = depth, self.line_of(off)
            elif t == "}" and stack:
                if stack.pop() == "fn" and fn:
                    fn.last = self.line_of(off)
                    found.append(fn)
                    fn = None
        return found

    def _open(self, toks, i, opener):
        j = _signature_close(toks, i, opener)
        o = opener[j]
        start = o
        while start > 0 and toks[start - 1][0] not in (";", "}"):
            start -= 1
        params = count_params([t for t, _ in toks[o + 1:j]])
        return Function(toks[o - 1][0], self.line_of(toks[start][1]), params)

    def prototypes(self):
        """[(name, line, end line, params, is_static)] of function declarations outside any brace."""
        toks = [(m.group(0), m.start()) for m in _TOKEN.finditer(self.flow)]
        out, depth, stmt = [], 0, []
        for t, off in toks:
            if t == "{":
                depth += 1
                stmt = []
            elif t == "}":
                depth -= 1
                stmt = []
            elif depth == 0 and t == ";":
                p = _prototype(stmt)
                if p:
                    name, params, static = p
                    out.append((name, self.line_of(stmt[0][1]), self.line_of(off), params, static))
                stmt = []
            elif depth == 0:
                stmt.append((t, off))
        return out


def _match_parens(toks):
    pairs, stack = {}, []
    for i, (t, _) in enumerate(toks):
        if t == "(":
            stack.append(i)
        elif t == ")" and stack:
            pairs[i] = stack.pop()
    return pairs


def _signature_close(toks, i, opener):
    """Index of the ')' that ends the parameter list before the '{' at i; attributes may stand between."""
    j = i - 1
    while j in opener and opener[j] > 0 and toks[opener[j] - 1][0] == "__attribute__":
        j = opener[j] - 2
    while j >= 0 and re.fullmatch(r"[A-Z_]\w*", toks[j][0]):
        j -= 1
    return j


def _brace_kind(toks, i, opener, stack):
    if stack and stack[-1] == "data":
        return "data"
    prev = toks[i - 1][0] if i else ""
    if not stack:
        j = _signature_close(toks, i, opener)
        if j in opener and opener[j] > 0 and re.fullmatch(r"[A-Za-z_]\w*", toks[opener[j] - 1][0]):
            return "fn"
        return "data"
    if prev in ("else", "do", ";", "}", "{", ":"):
        return "block"
    if prev == "(":  # statement expression
        return "block"
    if prev == ")" and i - 1 in opener:
        o = opener[i - 1]
        word = toks[o - 1][0] if o else ""
        if word in ("if", "for", "while", "switch"):
            return "block"
        if re.fullmatch(r"[A-Za-z_]\w*", word) and word not in KEYWORDS:
            return "block"  # a loop macro
    return "data"


def count_params(tokens):
    if not tokens or tokens == ["void"]:
        return 0
    if tokens[0] == "nghttp2_session":  # a callback: the library that calls it decides
        return 0
    depth, n = 0, 1
    for t in tokens:
        if t in "([{":
            depth += 1
        elif t in ")]}":
            depth -= 1
        elif t == "," and depth == 0:
            n += 1
    return n


def _prototype(stmt):
    words = [t for t, _ in stmt]
    if not words or words[0] in ("typedef", "_Static_assert", "static_assert", "struct") and "(" not in words:
        return None
    if words[0] in ("typedef", "_Static_assert", "static_assert") or "=" in words:
        return None
    i = 0
    while i < len(words):
        if words[i] == "__attribute__" or (i and words[i] == "(" and re.fullmatch(r"[A-Z][A-Z0-9_]*", words[i - 1])):
            depth, i = 0, i if words[i] == "(" else i + 1
            while i < len(words):
                depth += {"(": 1, ")": -1}.get(words[i], 0)
                i += 1
                if depth == 0:
                    break
            continue
        if words[i] == "(":
            break
        i += 1
    if i == 0 or i >= len(words) or not re.fullmatch(r"[A-Za-z_]\w*", words[i - 1]) or words[i + 1:i + 2] == ["*"]:
        return None
    if i == 1:  # NAME(...) alone: a macro call, not a declaration
        return None
    depth, j = 0, i
    while j < len(words):
        depth += {"(": 1, ")": -1}.get(words[j], 0)
        if depth == 0:
            break
        j += 1
    return words[i - 1], count_params(words[i + 1:j]), "static" in words[:i]


def tree(root, suffixes, folders=None):
    """Files of the project with one of the suffixes: what git tracks plus what it would add; all files where there is
    no git (a self-test). Self-test examples are bad on purpose and never part of the project."""
    paths = []
    if os.path.exists(os.path.join(root, ".git")):
        r = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           capture_output=True, text=True, check=True)
        paths = [p for p in r.stdout.split("\0") if p and os.path.isfile(os.path.join(root, p))]
    else:
        for d, dirs, names in os.walk(root):
            dirs[:] = [x for x in dirs if x != "build"]
            paths += [os.path.relpath(os.path.join(d, n), root) for n in names]
    out = [p for p in sorted(set(paths)) if p.endswith(tuple(suffixes)) and not p.startswith("tools/selftest/")]
    if folders:
        out = [p for p in out if p.startswith(tuple(f + "/" for f in folders))]
    return out


def sources(root, suffixes=(".c", ".h"), folders=("src",)):
    return [Source(root, p) for p in tree(root, suffixes, folders)]


class Report:
    """Collects violations; `finish` prints them as `file:line: rule: what to do` and gives the exit status."""

    def __init__(self):
        self.rows = set()
        self.notes = []

    def add(self, path, line, rule, advice):
        self.rows.add((path, line, rule, advice))

    def note(self, text):
        self.notes.append(text)

    def finish(self):
        for path, line, rule, advice in sorted(self.rows):
            print(f"{path}:{line}: {rule}: {advice}")
        for n in self.notes:
            print(f"note: {n}")
        return 1 if self.rows else 0


def arguments(argv=None):
    """(root, build) from `--root DIR` and `--build DIR`; by default the tree that this file is in and its build/."""
    argv = sys.argv[1:] if argv is None else argv
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    build = None
    it = iter(argv)
    for a in it:
        if a == "--root":
            root = os.path.abspath(next(it, ""))
        elif a == "--build":
            build = os.path.abspath(next(it, ""))
        else:
            sys.exit(f"usage: {os.path.basename(sys.argv[0])} [--root DIR] [--build DIR]")
    return root, build or os.path.join(root, "build")
