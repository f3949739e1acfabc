// Package examples runs what newcomers run: `latchkey dev` with its sample app, and every quickstart in examples/ against it.
//
// It also sends every request that the platforms' own documents print, one test a sample, named after it (sample_*_test.go):
//
//	Noon       authorization URL and callback   TestNoon_Step1_AuthorizationURL, TestNoon_Step2_AuthorizationCallback
//	           the session both calls need      TestNoon_Prerequisite_AuthenticatedSession
//	           token/create, token/exchange     TestNoon_Step3_TokenCreate, TestNoon_Step4_TokenExchange
//	           the program in Python            TestNoon_CompleteCodeExamples
//	           oauth_request_id in the portal   TestNoon_TrackingYourRequest
//	Noorle     its steps, which print no bytes  TestNoorle_1_…, _3_…, _4_…, TestNoorle_RefreshTokens, TestNoorle_RevokeAccess
//	           registration, PKCE, device       TestNoorle_DynamicRegistration, TestNoorle_UsePKCE, TestNoorle_Device
//	Nomba      issue, refresh, revoke           TestNomba_ObtainAccessToken, TestNomba_RefreshAccessToken, TestNomba_RevokeAccessToken
//	           the steps of PKCE                TestNomba_PKCEFlow_Steps1To5
//	Noonlight  authorize, live and sandbox      TestNoonlight_Step1_ObtainingAccess, TestNoonlight_Step1_SandboxEnvironment
//	           the redirect                     TestNoonlight_Step2_HandlingTheRedirect, TestNoonlight_Step2_Localhost
//	           token: curl, HTTP and sandbox    TestNoonlight_Step3_Curl, TestNoonlight_Step3_HTTP, TestNoonlight_Step3_SandboxEnvironment
//	           the alarm                        TestNoonlight_Step4_UseTheAccessToken
//	           refresh: curl, HTTP and sandbox  TestNoonlight_Step5_Curl, TestNoonlight_Step5_HTTP, TestNoonlight_Step5_SandboxEnvironment
//	Tiki       query parameters                 TestTiki_AuthorizationCode_QueryParams
//	           the token request                TestTiki_TokenEndpoint_BasicHeader, TestTiki_TokenEndpointAuthMethod_RequestBody
//	           protected resources              TestTiki_ProtectedResources
package examples
