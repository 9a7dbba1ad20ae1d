// node app.js was|mended STEP...: starts the application once for every step. What `read` finds goes to stdout, as JSON.

const { randomUUID } = require("crypto");
const { Op, Sequelize } = require("sequelize");
const define = require("./models");

const GONE = "c11ed8a9-ba3a-4c97-917e-0600e4985488";

const signUp = async ({ User, UsageAnalytics }, email, id = randomUUID()) => {
  await User.create({ id, email, passwordHash: "x" });
  await UsageAnalytics.create({ userId: id, eventType: "login", eventData: { from: email }, ipAddress: "192.0.2.7" });
};

// What an application asks on a usual day.
const work = (app) => app.transaction(async (transaction) => {
  const { User, UsageAnalytics, Session, Subscription } = app.models;
  const within = { transaction };
  const ids = [7, 8, 9].map((digit) => `00000000-0000-4000-8000-00000000000${digit}`);
  await User.create({ id: ids[0], email: "grace@example.org", passwordHash: "x" }, within);
  await UsageAnalytics.create({ id: ids[0], userId: ids[0], eventType: "login", eventData: { from: "grace" } }, within);
  await User.findOrCreate({ where: { email: "ada@example.org" }, defaults: { passwordHash: "y" }, ...within });
  await User.upsert({ id: ids[0], email: "grace@example.org", passwordHash: "z", firstName: "Grace" }, within);
  const events = ids.slice(1).map((id) => ({ id, userId: ids[0], eventType: "click" }));
  await UsageAnalytics.bulkCreate(events, { updateOnDuplicate: ["eventType"], ...within });
  await Subscription.create({ id: ids[0], userId: ids[0], plan: "free", status: "active" }, within);
  await Session.create({ id: ids[0], userId: ids[0], tokenHash: "t", expiresAt: new Date(0) }, within);
  await Subscription.update({ plan: "paid" }, { where: { userId: ids[0], cancelAtPeriodEnd: false }, ...within });
  const grace = await User.findByPk(ids[0], { lock: transaction.LOCK.UPDATE, ...within });
  await grace.update({ googleId: "g7", isVerified: true }, within);
  await User.findAll({ include: UsageAnalytics, order: ["email"], limit: 5, ...within });
  await User.findAll({ attributes: ["email"], where: { lastName: null, email: { [Op.iLike]: "%example%" } }, ...within });
  await UsageAnalytics.findAndCountAll({ where: { eventType: ["login", "click"] }, limit: 2, offset: 1, ...within });
  await UsageAnalytics.findAll({
    attributes: ["eventType", [app.fn("COUNT", app.col("id")), "number"]], group: ["eventType"], raw: true, ...within,
  });
  await UsageAnalytics.findAll({ attributes: ["id"], where: { eventData: { from: "grace" } }, ...within });
  await UsageAnalytics.findAll({ include: { model: User, required: true }, order: [["createdAt", "DESC"]], ...within });
  await Session.findOne({ where: { tokenHash: "t", expiresAt: { [Op.lt]: new Date() } }, ...within });
  await User.max("createdAt", within);
  await app.query("SELECT verification_token FROM users WHERE updated_at < $1", { bind: [new Date(0)], ...within });
  await app.query("SELECT ip_address FROM usage_analytics WHERE session_id = :id", { replacements: { id: "s" }, ...within });
  await UsageAnalytics.destroy({ where: { eventType: "click" }, ...within });
  await Session.destroy({ where: { userId: ids[0] }, ...within });
  await User.destroy({ where: { id: GONE }, ...within });
});

const STEPS = {
  start: (app) => app.authenticate(),
  make: (app) => app.sync(),
  alter: (app) => app.sync({ alter: true }),
  key: (app) => app.sync({ alter: true }),
  // benchmark: so that a statement is logged when it is done. The next one would add the key again.
  killed: (app) => app.sync({ alter: true, benchmark: true, logging: (statement) => {
    if (statement.includes('DROP CONSTRAINT "usage_analytics_user_id_fkey"')) process.kill(process.pid, "SIGKILL");
  } }),
  fill: async (_, models) => {
    await signUp(models, "ada@example.org");
    await signUp(models, "gone@example.org", GONE);
  },
  write: (_, models) => signUp(models, "grace@example.org"),
  work,
  stray: (_, { UsageAnalytics }) => UsageAnalytics.create({ userId: GONE, eventType: "login" }),
  read: async (_, { User, UsageAnalytics }) => {
    const users = await User.findAll({ include: UsageAnalytics, order: ["email"] });
    console.log(JSON.stringify(users.map((user) => [user.email, user.UsageAnalytics[0].eventData.from])));
  },
};

const run = async ([form, ...steps]) => {
  const logging = process.env.LOG ? (statement) => console.error(statement) : false;
  for (const step of steps) {
    const app = new Sequelize(process.env.DATABASE_URL, { logging, define: { underscored: true } });
    try {
      await STEPS[step](app, define(app, form));
    } finally {
      await app.close();
    }
  }
};

run(process.argv.slice(2)).catch((error) => {
  console.error(`${error.name}: ${error.message}\nDETAIL:  ${error.parent?.detail}`);
  process.exitCode = 1;
});
