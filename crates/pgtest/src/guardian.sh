# Runs a server and ends it when nobody has used it for a while, however its users ended.
# $1: the folder; the rest: the server's command.
folder=$1
shift
cd "$folder" || exit 1
exec 8>>boot.lock 9>>users.lock
"$@" 8>&- 9>&- &
server=$!
trap 'kill -INT $server 2>/dev/null' TERM INT HUP
idle=0
while kill -0 $server 2>/dev/null; do
    sleep 1
    # Whoever begins to use it holds the first lock until it has the second.
    if flock -n 8; then
        if flock -n 9; then
            idle=$((idle + 1))
            if [ $idle -ge 10 ]; then
                kill -INT $server
                wait $server
                rm -rf data
                exit
            fi
            flock -u 9
        else
            idle=0
        fi
        flock -u 8
    else
        idle=0
    fi
done
