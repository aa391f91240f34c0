# Starts a broker once and stops it, so that Java writes down the classes it loaded: the next start takes half the time.
set -eu
folder=$(mktemp -d)
cat > "$folder/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:19093
listeners=CLIENTS://127.0.0.1:19092,CONTROLLER://127.0.0.1:19093
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLER
log.dirs=$folder/data
END
CLASSPATH=$(echo /opt/kafka/libs/*.jar | tr ' ' ':')
export CLASSPATH
java kafka.tools.StorageTool format --cluster-id=AAAAAAAAAAAAAAAAAAAAAQ --config="$folder/server.properties" > /dev/null
java -Xmx256m -XX:+UseSerialGC -XX:ArchiveClassesAtExit=/opt/kafka/kafka.jsa -Dorg.apache.logging.log4j.level=INFO \
  kafka.Kafka "$folder/server.properties" > "$folder/log" 2>&1 &
broker=$!
tries=0
until grep -q 'Kafka Server started' "$folder/log" || [ "$tries" -ge 600 ]; do
  tries=$((tries + 1))
  sleep 0.1
done
kill "$broker"
wait "$broker" || true
test -s /opt/kafka/kafka.jsa || { cat "$folder/log"; exit 1; }
rm -rf "$folder"
