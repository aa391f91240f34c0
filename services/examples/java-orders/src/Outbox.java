import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Optional;
import java.util.Properties;
import java.util.UUID;

/** The outbox contract (services/outbox.md) in plain JDBC: an aggregate and its event in one transaction. */
final class Outbox {
  /** The state is JSON; the version counts the aggregate's events. */
  record Aggregate(String id, long version, String state) {}

  private static final String AGGREGATE_TYPE = "order";
  private static final int CONNECT_SECONDS_MAX = 3;
  private static final int ANSWER_SECONDS_MAX = 10;

  private final String url;
  private final Properties properties = new Properties();

  Outbox(String url, String user, String password) {
    this.url = url;
    properties.setProperty("user", user);
    properties.setProperty("password", password);
    properties.setProperty("connectTimeout", String.valueOf(CONNECT_SECONDS_MAX));
    properties.setProperty("socketTimeout", String.valueOf(ANSWER_SECONDS_MAX));
  }

  Optional<Aggregate> find(String id) throws SQLException {
    try (Connection connection = connect()) {
      return find(connection, id);
    }
  }

  /**
   * Merges the members of `data` into the state, as the next version, if the aggregate has the version `expected` (0: it
   * must not exist). Empty when it has another one: somebody was faster, and nothing was written.
   */
  Optional<Aggregate> append(String id, long expected, String data, String traceparent)
      throws SQLException {
    try (Connection connection = connect()) {
      connection.setAutoCommit(false);
      Optional<Aggregate> written =
          expected == 0 ? create(connection, id, data) : change(connection, id, expected, data);
      if (written.isEmpty()) {
        connection.rollback();
        return written;
      }
      insertEvent(connection, written.get(), expected == 0 ? "created" : "updated", data, traceparent);
      connection.commit();
      return written;
    }
  }

  /** A real program has a pool; what matters here is that one transaction is one connection's. */
  private Connection connect() throws SQLException {
    return DriverManager.getConnection(url, properties);
  }

  private static Optional<Aggregate> find(Connection connection, String id) throws SQLException {
    String text =
        "select version, state::text from cqrs.aggregate"
            + " where aggregatetype = ? and aggregateid = ? and not deleted";
    try (PreparedStatement select = connection.prepareStatement(text)) {
      select.setString(1, AGGREGATE_TYPE);
      select.setString(2, id);
      return aggregateOf(id, select);
    }
  }

  private static Optional<Aggregate> create(Connection connection, String id, String data)
      throws SQLException {
    String text =
        "insert into cqrs.aggregate (aggregatetype, aggregateid, version, state)"
            + " values (?, ?, 1, ?::jsonb || jsonb_build_object('id', ?::text))"
            + " on conflict do nothing returning version, state::text";
    try (PreparedStatement insert = connection.prepareStatement(text)) {
      insert.setString(1, AGGREGATE_TYPE);
      insert.setString(2, id);
      insert.setString(3, data);
      insert.setString(4, id);
      return aggregateOf(id, insert);
    }
  }

  /** The row stays locked until the commit, so the events of an aggregate are committed in the order of their versions. */
  private static Optional<Aggregate> change(
      Connection connection, String id, long expected, String data) throws SQLException {
    String text =
        "update cqrs.aggregate set version = version + 1,"
            + " state = state || ?::jsonb || jsonb_build_object('id', ?::text)"
            + " where aggregatetype = ? and aggregateid = ? and version = ? and not deleted"
            + " returning version, state::text";
    try (PreparedStatement update = connection.prepareStatement(text)) {
      update.setString(1, data);
      update.setString(2, id);
      update.setString(3, AGGREGATE_TYPE);
      update.setString(4, id);
      update.setLong(5, expected);
      return aggregateOf(id, update);
    }
  }

  private static void insertEvent(
      Connection connection, Aggregate aggregate, String change, String data, String traceparent)
      throws SQLException {
    String text =
        "insert into cqrs.event"
            + " (id, aggregatetype, aggregateid, type, payload, version, traceparent)"
            + " values (?, ?, ?, ?, jsonb_build_object('state', ?::jsonb, 'data', ?::jsonb), ?, ?)";
    try (PreparedStatement insert = connection.prepareStatement(text)) {
      insert.setObject(1, UUID.randomUUID());
      insert.setString(2, AGGREGATE_TYPE);
      insert.setString(3, aggregate.id());
      insert.setString(4, AGGREGATE_TYPE + "." + change);
      insert.setString(5, aggregate.state());
      insert.setString(6, data);
      insert.setLong(7, aggregate.version());
      insert.setString(8, traceparent);
      insert.executeUpdate();
    }
  }

  private static Optional<Aggregate> aggregateOf(String id, PreparedStatement statement)
      throws SQLException {
    try (ResultSet rows = statement.executeQuery()) {
      return rows.next()
          ? Optional.of(new Aggregate(id, rows.getLong(1), rows.getString(2)))
          : Optional.empty();
    }
  }
}
