import ca.uhn.hl7v2.DefaultHapiContext;
import ca.uhn.hl7v2.HL7Exception;
import ca.uhn.hl7v2.HapiContext;
import ca.uhn.hl7v2.app.HL7Service;
import ca.uhn.hl7v2.model.Message;
import ca.uhn.hl7v2.protocol.ReceivingApplication;
import ca.uhn.hl7v2.validation.impl.ValidationContextFactory;
import java.io.IOException;
import java.util.Map;

/** A ceiling: HAPI's MLLP server that parses each message, without validation, and acknowledges it; nothing is stored. Argument: port. */
public final class Acknowledge {
    public static void main(String[] arguments) throws Exception {
        HapiContext context = new DefaultHapiContext();
        context.setValidationContext(ValidationContextFactory.noValidation());
        HL7Service server = context.newServer(Integer.parseInt(arguments[0]), false);
        server.registerApplication("*", "*", new ReceivingApplication<Message>() {
            @Override
            public Message processMessage(Message message, Map<String, Object> more) throws HL7Exception {
                try {
                    return message.generateACK();
                } catch (IOException fault) {
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
}
