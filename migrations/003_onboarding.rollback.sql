-- Everybody who was half-way through starts over.

DROP TABLE onboarding_answers;
DROP TABLE onboarding_steps;
