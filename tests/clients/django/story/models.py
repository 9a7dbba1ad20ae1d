import uuid

from django.db import models


def optional(length: int) -> models.CharField:
    return models.CharField(max_length=length, null=True)


class User(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.CharField(max_length=255, unique=True)
    password_hash = models.CharField(max_length=500)
    first_name, last_name, google_id = optional(100), optional(100), optional(255)
    is_verified = models.BooleanField(default=False)
    verification_token = optional(500)
    refresh_token = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "users"


class UsageAnalytics(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(User, models.CASCADE)
    event_type = models.CharField(max_length=100)
    event_data = models.JSONField(null=True)
    session_id = optional(255)
    ip_address = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "usage_analytics"
