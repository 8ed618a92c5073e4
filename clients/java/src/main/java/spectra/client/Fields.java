package spectra.client;

import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;

/** Fields by name, for what is alike in many messages. */
final class Fields {
    private Fields() {}

    /** The text of a field; empty where the message does not have it. */
    static String text(Message message, String name) {
        FieldDescriptor field = message.getDescriptorForType().findFieldByName(name);
        return field == null ? "" : (String) message.getField(field);
    }

    /** The message with this text in the field, if it has the field. */
    @SuppressWarnings("unchecked")
    static <M extends Message> M with(M message, String name, String text) {
        FieldDescriptor field = message.getDescriptorForType().findFieldByName(name);
        return field == null ? message : (M) message.toBuilder().setField(field, text).build();
    }
}
