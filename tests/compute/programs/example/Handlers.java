package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

/** A function by its interface, and others by the names of their methods. */
public class Handlers implements RequestHandler<Map<String, Object>, Map<String, Object>> {
    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event, Context context) {
        context.getLogger().log("Java has " + event.get("n") + "\n");
        return Map.of(
            "n", event.get("n"),
            "id", context.getAwsRequestId(),
            "memory", context.getMemoryLimitInMB(),
            "region", System.getenv("AWS_EXECUTION_ENV"));
    }

    public String fail(Map<String, Object> event) {
        throw new IllegalStateException("Error: " + event.get("why"));
    }
}
