import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.HL7Service;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.protocol.MetadataKeys;
import ca.uhn.hl7v2.protocol.ReceivingApplication;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.IOException;
import java.net.URI;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * HAPI's MLLP server that parses each message, without validation, commits its text to PostgreSQL, and acknowledges it
 * then. Less than Stepdown does: nothing is sealed, no repeat is recognised, no fact is derived and nothing goes to Kafka.
 *
 * Arguments: database (postgresql://user:password@host:port/name), port. Prints "ready".
 */
public final class StoreFirst {
    private static final int CONNECTIONS = 20;
    private static final String KEEP = "INSERT INTO hapi_messages (control_id, body) VALUES (?, ?)";
    private static final BlockingQueue<Connection> free = new ArrayBlockingQueue<>(CONNECTIONS);

    public static void main(String[] arguments) throws Exception {
        connect(URI.create(arguments[0]));
        HapiContext context = new DefaultHapiContext();
        context.setValidationContext(ValidationContextFactory.noValidation());
        HL7Service server = context.newServer(Integer.parseInt(arguments[1]), false);
        server.registerApplication("*", "*", new ReceivingApplication<Message>() {
            @Override
            public Message processMessage(Message message, Map<String, Object> more) throws HL7Exception {
                try {
                    keep((String) more.get(MetadataKeys.IN_MESSAGE_CONTROL_ID), (String) more.get(MetadataKeys.IN_RAW_MESSAGE));
                    return message.generateACK();
                } catch (IOException | SQLException | InterruptedException fault) {
                    throw new HL7Exception(fault);
                }
            }

            @Override
            public boolean canProcess(Message message) {
                return true;
            }
        });
        server.startAndWait();
        System.out.println("ready");
    }

    private static void connect(URI where) throws SQLException {
        String[] who = where.getUserInfo().split(":", 2);
        String url = "jdbc:postgresql://" + where.getHost() + ":" + where.getPort() + where.getPath();
        while (free.remainingCapacity() > 0) {
            Connection connection = DriverManager.getConnection(url, who[0], who[1]);
            connection.setAutoCommit(false);
            free.add(connection);
        }
        try (Statement statement = free.peek().createStatement()) {
            statement.execute("DROP TABLE IF EXISTS hapi_messages");
            statement.execute("CREATE TABLE hapi_messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
                + "control_id text NOT NULL, body text NOT NULL, arrived_at timestamptz NOT NULL DEFAULT now())");
            free.peek().commit();
        }
    }

    private static void keep(String controlId, String body) throws SQLException, InterruptedException {
        Connection connection = free.take();
        try (PreparedStatement statement = connection.prepareStatement(KEEP)) {
            statement.setString(1, controlId);
            statement.setString(2, body);
            statement.executeUpdate();
            connection.commit();
        } finally {
            free.add(connection);
        }
    }
}
