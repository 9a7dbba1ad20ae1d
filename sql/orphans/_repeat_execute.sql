        -- Statements of a round: all of them, or one where a node would be handed the others along with it.
        EXECUTE {quote}
{text}
{quote};
