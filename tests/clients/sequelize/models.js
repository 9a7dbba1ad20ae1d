// The models of the story's backend. As it "was", every start with sync({ alter: true }) adds a unique constraint, and
// the tables have no defaults. As it is "mended", they are what migrations/ builds, name by name.

const { DataTypes, Sequelize } = require("sequelize");

const ours = { uuid: Sequelize.literal("gen_random_uuid()"), now: Sequelize.literal("now()") };
const FORMS = {
  was: {
    id: DataTypes.UUIDV4,
    time: () => ({ type: DataTypes.DATE }),
    email: true,
    key: { onDelete: "CASCADE" },
    index: (table, field) => ({ fields: [field] }),
  },
  mended: {
    id: ours.uuid,
    time: () => ({ type: DataTypes.DATE, defaultValue: ours.now }),
    email: "users_email_key",
    key: { onDelete: "CASCADE", onUpdate: "NO ACTION" },
    index: (table, field) => ({ fields: [field], name: `${table}_${field}_idx` }),
  },
};

const text = (length) => DataTypes.STRING(length);
const required = (type) => ({ type, allowNull: false });
const flag = () => ({ type: DataTypes.BOOLEAN, defaultValue: false });

module.exports = (sequelize, name) => {
  const form = FORMS[name];
  const define = (model, tableName, attributes, indexed = []) => {
    // Sequelize writes into what it is given, so nothing here is given twice.
    const withTimes = "updatedAt" in attributes;
    const own = { id: { type: DataTypes.UUID, primaryKey: true, defaultValue: form.id } };
    const times = withTimes ? { createdAt: form.time(), updatedAt: form.time() } : { createdAt: form.time() };
    const indexes = indexed.map((field) => form.index(tableName, field));
    return sequelize.define(model, { ...own, ...attributes, ...times }, { tableName, updatedAt: withTimes, indexes });
  };
  const User = define("User", "users", {
    email: { ...required(text(255)), unique: form.email },
    passwordHash: required(text(500)),
    firstName: text(100),
    lastName: text(100),
    googleId: text(255),
    isVerified: flag(),
    verificationToken: text(500),
    refreshToken: DataTypes.TEXT,
    updatedAt: null,
  });
  const theirs = (model, tableName, attributes, indexed = ["user_id"]) => {
    const reference = { ...required(DataTypes.UUID), references: { model: "users", key: "id" }, ...form.key };
    const child = define(model, tableName, { userId: reference, ...attributes }, indexed);
    User.hasMany(child, { foreignKey: "userId", ...form.key });
    child.belongsTo(User, { foreignKey: "userId", ...form.key });
    return child;
  };
  theirs("Subscription", "subscriptions", {
    plan: required(text(50)),
    status: required(text(50)),
    cancelAtPeriodEnd: flag(),
    currentPeriodEnd: DataTypes.DATE,
    updatedAt: null,
  });
  theirs("Session", "sessions", { tokenHash: required(text(255)), expiresAt: required(DataTypes.DATE) });
  theirs("UserBehavior", "user_behaviors", { behaviorType: required(text(100)), behaviorData: DataTypes.JSONB });
  theirs("AnalyticsReport", "analytics_reports", {
    reportType: required(text(100)),
    reportData: DataTypes.JSONB,
    periodStart: DataTypes.DATEONLY,
    periodEnd: DataTypes.DATEONLY,
  });
  theirs("OnboardingStep", "onboarding_steps", {
    stepName: required(text(100)),
    isCompleted: flag(),
    completedAt: DataTypes.DATE,
    updatedAt: null,
  });
  theirs("OnboardingAnswer", "onboarding_answers", { question: required(text(255)), answer: DataTypes.JSONB });
  const UsageAnalytics = theirs("UsageAnalytics", "usage_analytics", {
    eventType: required(text(100)),
    eventData: DataTypes.JSONB,
    sessionId: text(255),
    ipAddress: DataTypes.INET,
    userAgent: DataTypes.TEXT,
  }, ["user_id", "event_type", "created_at", "session_id"]);
  return { User, UsageAnalytics };
};
