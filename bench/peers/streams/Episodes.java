import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * A ceiling: facts to the latest state of each episode, exactly once (exactly_once_v2): decode the JSON, keep level, count
 * and time of the last fact of the episode in a store with its changelog, send the state on. Less than Stepdown does: no
 * fact is kept, nothing can be taken back, there are no service periods, no audit and no announcements. It is measured
 * cold, from its first record. EveryFact.java is the peer.
 *
 * Arguments: bootstrap servers, topic, topic of states, number of records. Prints {"count": …, "seconds": …}, from the
 * first record until everything is committed.
 */
public final class Episodes {
    private static final AtomicLong seen = new AtomicLong();
    private static volatile long began;
    private static final CountDownLatch all = new CountDownLatch(1);
    private static long wanted;

    public static void main(String[] arguments) throws Exception {
        wanted = Long.parseLong(arguments[3]);
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-streams-" + System.nanoTime());
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        Path place = Files.createTempDirectory("stepdown-bench-");
        properties.put(StreamsConfig.STATE_DIR_CONFIG, place.toString());
        properties.put("producer.linger.ms", 100);
        properties.put("consumer.max.poll.records", 5000);
        properties.put("consumer.auto.offset.reset", "earliest");
        KafkaStreams streams = new KafkaStreams(topology(arguments[1], arguments[2]).build(), properties);
        streams.start();
        all.await();
        streams.close(Duration.ofSeconds(60));
        double seconds = (System.nanoTime() - began) / 1e9;
        streams.cleanUp();
        try (Stream<Path> left = Files.walk(place)) {
            left.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
        System.out.printf("{\"count\": %d, \"seconds\": %.3f}%n", seen.get(), seconds);
    }

    private static StreamsBuilder topology(String from, String to) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore("episodes"), Serdes.String(), Serdes.ByteArray()).withCachingEnabled());
        builder.stream(from, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .process(Fold::new, "episodes")
            .to(to, Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder;
    }

    private static final class Fold extends ContextualProcessor<String, byte[], String, byte[]> {
        private final ObjectMapper json = new ObjectMapper();
        private KeyValueStore<String, byte[]> episodes;

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            super.init(context);
            episodes = context.getStateStore("episodes");
        }

        @Override
        public void process(Record<String, byte[]> record) {
            if (seen.get() == 0) {
                began = System.nanoTime();
            }
            try {
                byte[] state = json.writeValueAsBytes(after(record));
                episodes.put(record.key(), state);
                context().forward(record.withValue(state));
            } catch (java.io.IOException fault) {
                throw new IllegalStateException(fault);
            }
            if (seen.incrementAndGet() == wanted) {
                all.countDown();
            }
        }

        private ObjectNode after(Record<String, byte[]> record) throws java.io.IOException {
            JsonNode fact = json.readTree(record.value());
            byte[] before = episodes.get(record.key());
            ObjectNode state = before == null ? json.createObjectNode() : (ObjectNode) json.readTree(before);
            state.put("count", state.path("count").asLong() + 1);
            state.set("since", fact.get("occurred_at"));
            JsonNode level = fact.has("to") ? fact.get("to").get("level") : fact.get("level");
            if (level != null) {
                state.set("level", level);
            }
            return state;
        }
    }
}
