-- Whether a row is none of those that go.
NOT EXISTS (SELECT FROM {gone} AS other WHERE other.part = {row}.part AND other.tid = {row}.tid)
