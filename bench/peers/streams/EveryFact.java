import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.apache.kafka.common.header.Header;
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
 * Facts kept and answered for, exactly once (exactly_once_v2): decode the JSON, keep the fact itself and the episode's
 * level, count and last fact in stores with their changelogs, and send as many records of about the same size as
 * Stepdown sends. Nothing is taken back, no service period is derived and nothing is audited.
 *
 * The time begins when so many records have gone through this same running job that the JVM has compiled it.
 *
 * Arguments: bootstrap servers, topic with the records that warm it up, topic, topic of what it sends, how many records
 * warm it up, how many are measured, records sent a fact, bytes of each with its headers. Prints
 * {"count": …, "seconds": …}, from the end of the warming until everything is committed.
 */
public final class EveryFact {
    private static final AtomicLong seen = new AtomicLong();
    private static final CountDownLatch all = new CountDownLatch(1);
    private static volatile long began;
    private static long warming;
    private static long wanted;
    private static double sent;
    private static int size;

    public static void main(String[] arguments) throws Exception {
        warming = Long.parseLong(arguments[4]);
        wanted = Long.parseLong(arguments[5]);
        sent = Double.parseDouble(arguments[6]);
        size = Integer.parseInt(arguments[7]);
        Properties properties = new Properties();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-every-fact-" + System.nanoTime());
        properties.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 100);
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        Path place = Files.createTempDirectory("stepdown-bench-");
        properties.put(StreamsConfig.STATE_DIR_CONFIG, place.toString());
        properties.put("producer.linger.ms", 100);
        properties.put("consumer.max.poll.records", 5000);
        properties.put("consumer.auto.offset.reset", "earliest");
        StreamsBuilder topology = topology(List.of(arguments[1], arguments[2]), arguments[3]);
        KafkaStreams streams = new KafkaStreams(topology.build(), properties);
        streams.start();
        all.await();
        streams.close(Duration.ofSeconds(60));
        double seconds = (System.nanoTime() - began) / 1e9;
        streams.cleanUp();
        try (Stream<Path> left = Files.walk(place)) {
            left.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
        }
        System.out.printf("{\"count\": %d, \"seconds\": %.3f}%n", seen.get() - warming, seconds);
    }

    private static StreamsBuilder topology(List<String> from, String to) {
        StreamsBuilder builder = new StreamsBuilder();
        for (String store : List.of("episodes", "facts")) {
            builder.addStateStore(Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(store), Serdes.String(), Serdes.ByteArray()).withCachingEnabled());
        }
        builder.stream(from, Consumed.with(Serdes.String(), Serdes.ByteArray()))
            .process(Keep::new, "episodes", "facts")
            .to(to, Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder;
    }

    private static final class Keep extends ContextualProcessor<String, byte[], String, byte[]> {
        private final ObjectMapper json = new ObjectMapper();
        private KeyValueStore<String, byte[]> episodes;
        private KeyValueStore<String, byte[]> facts;
        private double due;

        @Override
        public void init(ProcessorContext<String, byte[]> context) {
            super.init(context);
            episodes = context.getStateStore("episodes");
            facts = context.getStateStore("facts");
        }

        @Override
        public void process(Record<String, byte[]> record) {
            try {
                ObjectNode state = after(record);
                episodes.put(record.key(), json.writeValueAsBytes(state));
                facts.put(record.key() + "#" + state.get("count").asLong(), record.value());
                for (due += sent; due >= 1; due--) {
                    context().forward(record.withValue(told(state, record)));
                }
            } catch (java.io.IOException fault) {
                throw new IllegalStateException(fault);
            }
            long number = seen.incrementAndGet();
            if (number == warming) {
                began = System.nanoTime();
            }
            if (number == warming + wanted) {
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

        /** The state, and of the fact as much as makes the record so large as ours are. */
        private byte[] told(ObjectNode state, Record<String, byte[]> record) throws java.io.IOException {
            int headers = 0;
            for (Header header : record.headers()) {
                headers += header.key().length() + header.value().length;
            }
            ObjectNode told = state.deepCopy();
            String fact = new String(record.value(), StandardCharsets.ISO_8859_1).replace('"', '\'');
            int missing = Math.max(size - headers - json.writeValueAsBytes(state).length, 0);
            told.put("fact", fact.repeat(1 + missing / fact.length()).substring(0, missing));
            return json.writeValueAsBytes(told);
        }
    }
}
