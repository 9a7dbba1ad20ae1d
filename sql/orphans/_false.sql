-- A row that a CHECK refuses. Where its expression is null it is fulfilled. The last line of that may be a comment.
({expression}
       ) IS FALSE
