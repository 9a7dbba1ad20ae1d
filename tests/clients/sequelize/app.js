// node app.js was|mended STEP...: starts the application once for every step. What `read` finds goes to stdout, as JSON.

const { randomUUID } = require("crypto");
const { Sequelize } = require("sequelize");
const define = require("./models");

const GONE = "c11ed8a9-ba3a-4c97-917e-0600e4985488";

const signUp = async ({ User, UsageAnalytics }, email, id = randomUUID()) => {
  await User.create({ id, email, passwordHash: "x" });
  await UsageAnalytics.create({ userId: id, eventType: "login", eventData: { from: email }, ipAddress: "192.0.2.7" });
};

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
