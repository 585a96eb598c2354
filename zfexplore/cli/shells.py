"""The scripts by which bash, zsh and fish ask ``zfexplore`` for completions, and where they are put.

They evaluate nothing that comes back, and leave paths to the shell. Those that typer brings do neither:
bash takes ``conv5:13`` apart at its colon before typer sees it, and zsh evaluates what typer answers.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

from zfexplore.errors import ExploreError
from zfexplore.files import NotWritten, write_text
from zfexplore.opening import read_text

BASH = r"""# zfexplore's completion for bash
_zfexplore() {
    local command="${1/#\~\//$HOME/}" head="" line current="${COMP_WORDS[COMP_CWORD]}"
    [[ $current == [:=] ]] && current=""
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ -z $head ]]; then head=$line; else COMPREPLY+=("${line%%$'\t'*}"); fi
    done < <(_ZFEXPLORE_COMPLETE=bash "$command" "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
    [[ $head == *open ]] && compopt -o nospace 2>/dev/null
    case $head in
        files*) _zfexplore_paths -f default ;;
        folders*) _zfexplore_paths -d dirnames ;;
    esac
}
_zfexplore_paths() {
    if (( ${#COMPREPLY[@]} == 0 )); then compopt -o "$2" 2>/dev/null; return; fi
    local path
    compopt -o filenames 2>/dev/null
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$current")
}
complete -F _zfexplore zfexplore
"""

ZSH = r"""#compdef zfexplore
_zfexplore() {
    local head line
    local -a answer values shown options
    answer=("${(@f)$(_ZFEXPLORE_COMPLETE=zsh ${~${(Q)words[1]}} \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    head=${answer[1]}
    for line in "${(@)answer[2,-1]}"; do
        values+=("${line%%$'\t'*}")
        if [[ -n ${line#*$'\t'} ]]; then shown+=("${line/$'\t'/  -- }"); else shown+=("${line%%$'\t'*}"); fi
    done
    [[ $PREFIX == --*=* ]] && compset -P '*='
    [[ $head == *open ]] && options=(-S '')
    (( $#values )) && compadd "${(@)options}" -l -d shown -- "${(@)values}"
    case $head in
        files*) _files ;;
        folders*) _files -/ ;;
    esac
}
if [[ $funcstack[1] == _zfexplore ]]; then _zfexplore "$@"; else compdef _zfexplore zfexplore; fi
"""

FISH = r"""# zfexplore's completion for fish
function __zfexplore_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l plain (string unescape -- "$current"); or set plain "$current"
    set -l answer (env _ZFEXPLORE_COMPLETE=fish $words[1] $words[2..-1] "$plain" 2>/dev/null)
    test (count $answer) -gt 1; and printf '%s\n' $answer[2..-1]
    set -l option (string match -r -- '^--[^=]*=' "$plain")
    set -l path (string replace -r -- '^--[^=]*=' '' "$plain")
    set -l paths
    switch "$answer[1]"
        case 'files*'
            set paths (__fish_complete_path "$path")
        case 'folders*'
            set paths (__fish_complete_directories "$path")
    end
    for each in $paths
        printf '%s\n' "$option$each"
    end
end
complete --command zfexplore --no-files --arguments '(__zfexplore_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def shell_in_use() -> str:
    """Give the shell from which zfexplore was called; raises ExploreError where it has no script here."""
    name = ""
    try:
        name = import_module("shellingham").detect_shell()[0]
    except (ImportError, OSError, RuntimeError):  # typer brings it; in a container no shell may be found
        name = Path(os.environ.get("SHELL", "")).name
    if name not in SCRIPTS:
        found = f"not for {name}" if name else "and no shell was found"
        raise ExploreError(f"completion is there for bash, zsh and fish, {found}", usage=True)
    return name


def install(shell: str) -> tuple[Path, str]:
    """Put a shell's script where it is read; give the file, and the command that shows it in this shell.

    Each file is written whole or not at all; the user's own start file is only added to, once. Raises
    ExploreError for what cannot be written.
    """
    try:
        file, start, line = _places(shell)
        quoted = "'" + str(file).replace("'", "'\\''") + "'"
        write_text(file, SCRIPTS[shell])
        if start is not None:
            _add_line(start, line.format(quoted))
    except NotWritten as error:
        raise ExploreError(f"completion cannot be installed: {error}") from error
    except RuntimeError as error:
        raise ExploreError("completion cannot be installed: there is no home folder; set HOME") from error
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ExploreError(f"completion cannot be installed: {why.lower()}") from error
    return file, line.format(quoted)


def _places(shell: str) -> tuple[Path, Path | None, str]:
    """Give the file for a shell's script, the start file that has to name it, and the line that does so."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "zfexplore"
    if shell == "bash":
        return data / "completion.bash", home / ".bashrc", "source {}"
    if shell == "zsh":
        begun = "(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}"
        start = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
        return data / "completion.zsh", start, f"{begun}; source {{}}"
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return settings / "fish" / "completions" / "zfexplore.fish", None, "source {}"


def _add_line(file: Path, line: str) -> None:
    """Add a line at a file's end, unless it is there; where it is a link, to the file that it leads to."""
    target = Path(os.path.realpath(file))
    text = read_text(target, errors="surrogateescape") if target.exists() else ""
    if line in text.splitlines():
        return
    between = "" if not text or text.endswith("\n") else "\n"
    size = target.stat().st_size if target.exists() else 0
    try:
        with open(target, "ab") as opened:  # added and not replaced: its owner, mode and content stay
            opened.write(f"{between}{line}\n".encode("utf-8", "surrogateescape"))
    except OSError:  # a full disk: no part of the line stays
        os.truncate(target, size)
        raise
