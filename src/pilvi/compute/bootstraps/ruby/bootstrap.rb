# What a Ruby function runs under: AWS's own runtime client, which RUBYLIB leads to. Nothing of the function is here.

# frozen_string_literal: true

require 'aws_lambda_ric'

AwsLambdaRIC::Bootstrap.new.start
