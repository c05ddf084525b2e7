# fish completion for slipway; put it into ~/.config/fish/completions
function __slipway_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l proposals ($words[1] __complete fish -- $words[2..-1] "$current" 2>/dev/null)
    if test "$proposals[1]" = ":files"
        __fish_complete_path "$current"
    else
        printf '%s\n' $proposals
    end
end
complete -c slipway -f -a '(__slipway_complete)'
