"""`tocsin completion bash|zsh|fish`: scripts that ask `tocsin complete` at each Tab, so they know what there is."""

from __future__ import annotations

from tocsin.cli._exit import OK, Usage, say
from tocsin.cli._quick import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BASH = r"""# tocsin and evt_set, evt_clear, evt_wait, for bash: eval "$(tocsin completion bash)"
_tocsin_complete() {
    local line current="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :files) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
            :directories)
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
            :commands) mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -c -- "$current") ;;
            *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(tocsin complete -- "${COMP_WORDS[0]##*/}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _tocsin_complete tocsin evt_set evt_clear evt_wait
"""

_ZSH = r"""#compdef tocsin evt_set evt_clear evt_wait
# For zsh: eval "$(tocsin completion zsh)" after compinit, or as the file _tocsin in a directory of $fpath.
_tocsin() {
    local line
    local -a found
    for line in "${(@f)$(tocsin complete -- "${words[1]:t}" "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        case "$line" in
            '') ;;
            :files) _files ;;
            :directories) _files -/ ;;
            :commands) _command_names -e ;;
            *) found+=("${line%%$'\t'*}:${line#*$'\t'}") ;;
        esac
    done
    (( ${#found} )) && _describe tocsin found
}
if [[ "${funcstack[1]}" = _tocsin ]]; then
    _tocsin "$@"
else
    compdef _tocsin tocsin evt_set evt_clear evt_wait
fi
"""

_FISH = r"""# tocsin and evt_set, evt_clear, evt_wait, for fish: tocsin completion fish | source
function __tocsin_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    set before[1] (string replace -r '.*/' '' -- $before[1])
    for line in (tocsin complete -- $before "$current" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$current"
            case :directories
                __fish_complete_directories "$current"
            case :commands
                __fish_complete_command
            case '*'
                echo $line
        end
    end
end
for program in tocsin evt_set evt_clear evt_wait
    complete -c $program -f -a '(__tocsin_complete)'
end
"""

SHELLS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(verb: str, words: list[str], options: dict[str, Any]) -> int:
    del options
    script = SHELLS.get(words[0])
    if script is None:
        raise Usage(
            f"there is no completion for {words[0]!r}{nearest(words[0], SHELLS)}: bash, zsh and fish have one", verb
        )
    say(script.rstrip("\n"))
    return OK
