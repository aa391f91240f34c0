import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A write side without a framework: POST /order makes an order, POST /order/ID changes it (with If-Match, only the
 * version that was seen), GET /order/ID reads it.
 */
public final class Orders {
  private static final String PATH = "/order";
  private static final String ID = "[A-Za-z0-9._~-]{1,128}";
  private static final int THREADS = 16;
  private static final int BODY_BYTES_MAX = 1_048_576;
  private static final int TRIES_MAX = 100;
  private static final int DRAIN_SECONDS_MAX = 10;

  private record Answer(int status, String body, long version) {}

  private final Outbox outbox;

  private Orders(Outbox outbox) {
    this.outbox = outbox;
  }

  public static void main(String[] args) throws IOException {
    String url =
        "jdbc:postgresql://%s:%s/%s"
            .formatted(
                env("CQRS_POSTGRES_HOST"),
                env("CQRS_POSTGRES_PORT"),
                env("CQRS_POSTGRES_DATABASE"));
    Outbox outbox = new Outbox(url, env("CQRS_POSTGRES_USER"), env("CQRS_POSTGRES_PASSWORD"));
    int port = Integer.parseInt(System.getenv().getOrDefault("CQRS_HTTP_PORT", "8080"));
    HttpServer server = HttpServer.create(new InetSocketAddress(port), 0);
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    server.setExecutor(threads);
    server.createContext(PATH, new Orders(outbox)::handle);
    server.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> drain(server, threads)));
  }

  private static void drain(HttpServer server, ExecutorService threads) {
    server.stop(DRAIN_SECONDS_MAX);
    threads.shutdown();
    try {
      threads.awaitTermination(DRAIN_SECONDS_MAX, TimeUnit.SECONDS);
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private static String env(String name) {
    String value = System.getenv(name);
    if (value == null) throw new IllegalStateException(name + " is not set");
    return value;
  }

  private void handle(HttpExchange exchange) throws IOException {
    Answer answer;
    try {
      answer = route(exchange);
    } catch (SQLException error) {
      answer = refusal(error);
    }
    byte[] body = answer.body().getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    if (answer.version() > 0) {
      exchange.getResponseHeaders().set("ETag", "\"" + answer.version() + "\"");
    }
    exchange.sendResponseHeaders(answer.status(), body.length);
    try (exchange) {
      exchange.getResponseBody().write(body);
    }
  }

  private Answer route(HttpExchange exchange) throws IOException, SQLException {
    String rest = exchange.getRequestURI().getPath().substring(PATH.length());
    String id = rest.startsWith("/") ? rest.substring(1) : "";
    String method = exchange.getRequestMethod();
    if (!id.isEmpty() && !id.matches(ID)) return problem(400, "ids have other characters");
    if (method.equals("GET") && !id.isEmpty()) return read(id);
    if (!method.equals("POST")) return problem(405, "use POST or GET");
    byte[] body = exchange.getRequestBody().readNBytes(BODY_BYTES_MAX + 1);
    if (body.length > BODY_BYTES_MAX) return problem(413, "the body is too large");
    String data = new String(body, StandardCharsets.UTF_8);
    if (!data.stripLeading().startsWith("{")) return problem(400, "give a JSON object");
    String traceparent = exchange.getRequestHeaders().getFirst("traceparent");
    String ifMatch = exchange.getRequestHeaders().getFirst("If-Match");
    if (id.isEmpty()) return create(data, traceparent);
    return ifMatch == null
        ? change(id, data, traceparent)
        : changeSeen(id, ifMatch, data, traceparent);
  }

  private Answer read(String id) throws SQLException {
    return outbox.find(id).map(Orders::answer).orElse(problem(404, "no such order"));
  }

  private Answer create(String data, String traceparent) throws SQLException {
    Optional<Outbox.Aggregate> made =
        outbox.append(UUID.randomUUID().toString(), 0, data, traceparent);
    return made.map(Orders::answer).orElse(problem(409, "try again"));
  }

  /** Whoever is outrun reads again and tries again; the bound only keeps a busy order from holding a thread. */
  private Answer change(String id, String data, String traceparent) throws SQLException {
    for (int tries = 0; tries < TRIES_MAX; tries += 1) {
      long version = outbox.find(id).map(Outbox.Aggregate::version).orElse(0L);
      Optional<Outbox.Aggregate> written = outbox.append(id, version, data, traceparent);
      if (written.isPresent()) return answer(written.get());
    }
    return problem(503, "the order is busy");
  }

  private Answer changeSeen(String id, String ifMatch, String data, String traceparent)
      throws SQLException {
    if (!ifMatch.matches("\"[1-9]\\d{0,17}\"")) return problem(400, "If-Match is no version");
    long seen = Long.parseLong(ifMatch.substring(1, ifMatch.length() - 1));
    return outbox
        .append(id, seen, data, traceparent)
        .map(Orders::answer)
        .orElse(problem(412, "the order has another version"));
  }

  private static Answer answer(Outbox.Aggregate aggregate) {
    return new Answer(200, aggregate.state(), aggregate.version());
  }

  /** What Postgres refuses: text that is no JSON (class 22), an event over 4 MiB (23514), and being out of reach. */
  private static Answer refusal(SQLException error) {
    String state = error.getSQLState() == null ? "" : error.getSQLState();
    if (state.startsWith("22")) return problem(400, "the body is not JSON that Postgres can store");
    if (state.equals("23514")) return problem(413, "the order is too large");
    System.err.println(error);
    return problem(503, "the database did not answer; whether the order was written is not known");
  }

  private static Answer problem(int status, String detail) {
    return new Answer(status, "{\"detail\": \"" + detail + "\"}", 0);
  }
}
