"""Documents made from the catalogues and the code: models, scenarios, AsyncAPI and schemas."""
