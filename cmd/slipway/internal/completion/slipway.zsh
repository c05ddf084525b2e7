#compdef slipway
# zsh completion for slipway; put it on the fpath as _slipway
_slipway() {
    local -a proposals
    proposals=("${(@f)$(${words[1]} __complete zsh -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    if [[ ${proposals[1]} == ":files" ]]; then
        _files
    elif [[ -n ${proposals[1]} ]]; then
        _describe slipway proposals
    fi
}
if [[ ${funcstack[1]} == _slipway ]]; then
    _slipway "$@"
else
    compdef _slipway slipway
fi
