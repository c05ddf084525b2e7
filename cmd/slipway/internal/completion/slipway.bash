# bash completion for slipway; use it with: source <(slipway completion bash)
_slipway() {
    local line program=${COMP_WORDS[0]}
    COMPREPLY=()
    [[ $program == "~"* ]] && program=$HOME${program:1}
    while IFS= read -r line; do
        if [[ $line == :files ]]; then
            compopt -o filenames -o default 2>/dev/null
            while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]#=}")
            return
        fi
        COMPREPLY+=("$line")
    done < <("$program" __complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _slipway slipway
