import json
import uuid
import requests
from flask import Flask, request, session, redirect

app = Flask(__name__)
app.secret_key = 'your-secret-key-here' # Use a secure secret key

# Load your OAuth client credentials
CLIENT_ID = 'your_client_id'
CLIENT_SECRET = 'your_client_secret'

# Step 1: Initiate OAuth flow - redirect user to authorization URL
@app.route('/connect-seller')
def connect_seller():
    # Generate and store state for CSRF protection
    state = str(uuid.uuid4())
    session['oauth_state'] = state

    authorization_url = f"https://oauth.noon.partners/?client_id={CLIENT_ID}&state={state}"
    return redirect(authorization_url)

# Step 2: Handle callback and verify state
@app.route('/oauth/callback')
def oauth_callback():
    # Verify state parameter to prevent CSRF attacks
    received_state = request.args.get('state')
    stored_state = session.get('oauth_state')

    if not received_state or received_state != stored_state:
        return "Invalid state parameter - possible CSRF attack", 400

    # Clear the stored state
    session.pop('oauth_state', None)

    # Get authorization code
    authorization_code = request.args.get('code')
    if not authorization_code:
        return "No authorization code received", 400

    try:
        # Step 3: Exchange authorization code for access token
        token_response = get_access_token(authorization_code)
        print(f"Access token obtained for project: {token_response['project_code']}")

        # Step 4: Exchange access token to create service account and receive credentials
        sa_response = create_service_account(token_response['access_token'])
        credentials = sa_response['result']
        print(f"Credentials received for project: {token_response['project_code']}")
        # Store credentials['private_key'] securely — it is only returned once

        return f"Successfully connected seller project: {token_response['project_code']}"
    except Exception as e:
        return f"Error: {e}", 500

# Step 3: Exchange authorization code for access token
def get_access_token(auth_code):
    url = 'https://noon-api-gateway.noon.partners/identity/oauth/v1/token/create'
    payload = {
        'grant_type': 'authorization_code',
        'code': auth_code,
        'client_id': CLIENT_ID,
        'client_secret': CLIENT_SECRET
    }

    response = requests.post(url, json=payload, headers={
        'Content-Type': 'application/json',
        'User-Agent': 'YourApp/1.0'
    })

    if response.status_code == 200:
        return response.json()
    else:
        raise Exception(f"Failed to get access token: {response.text}")

# Step 4: Exchange access token to create service account and receive credentials
def create_service_account(access_token):
    url = 'https://noon-api-gateway.noon.partners/identity/oauth/v1/token/exchange'
    payload = {
        'access_token': access_token
    }

    response = requests.post(url, json=payload, headers={
        'Content-Type': 'application/json',
        'User-Agent': 'YourApp/1.0'
    })

    if response.status_code == 200:
        return response.json()
    else:
        raise Exception(f"Failed to create service account: {response.text}")

if __name__ == '__main__':
    app.run(debug=True)
