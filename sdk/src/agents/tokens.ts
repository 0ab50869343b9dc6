/**
 * Tokens that tell whose they are by how they begin: a name, how it begins (one of the hints must occur in a text
 * before the pattern is tried), and its shape. Sources: the providers' own documentation, and what scanners agree on.
 * A new provider is a line here. What begins like nothing in particular is for `secrets.ts` and `entropy.ts`.
 */

export type Token = readonly [name: string, hints: ReadonlyArray<string>, shape: RegExp]

/** The particular before the general: `sk-ant-` before `sk-`. */
export const tokens: ReadonlyArray<Token> = [
  // Models
  ["anthropic-key", ["sk-ant-"], /sk-ant-[\w-]{16,}/],
  ["langfuse-key", ["sk-lf-"], /sk-lf-[a-f0-9-]{30,}/],
  ["openai-key", ["sk-"], /sk-(?:(?:proj|svcacct|admin|or-v1)-[\w-]{20,}|[A-Za-z0-9]{20,})/],
  ["google-api-key", ["AIza"], /AIza[\w-]{35}/],
  ["groq-key", ["gsk_"], /gsk_[A-Za-z0-9]{20,}/],
  ["xai-key", ["xai-"], /xai-[A-Za-z0-9]{40,}/],
  ["perplexity-key", ["pplx-"], /pplx-[A-Za-z0-9]{32,}/],
  ["replicate-token", ["r8_"], /r8_[A-Za-z0-9]{30,}/],
  ["huggingface-token", ["hf_"], /hf_[A-Za-z0-9]{30,}/],
  ["fireworks-key", ["fw_"], /fw_[A-Za-z0-9]{20,}/],
  ["nvidia-key", ["nvapi-"], /nvapi-[\w-]{40,}/],
  ["elevenlabs-key", ["sk_"], /sk_[a-f0-9]{48}/],
  ["langsmith-key", ["lsv2_"], /lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{8,}/],
  ["tavily-key", ["tvly-"], /tvly-[\w-]{20,}/],
  ["pinecone-key", ["pcsk_"], /pcsk_[A-Za-z0-9_]{40,}/],
  ["e2b-key", ["e2b_"], /e2b_[a-f0-9]{40}/],
  ["firecrawl-key", ["fc-"], /fc-[a-f0-9]{32}/],
  // Clouds
  ["aws-access-key", ["AKIA", "ASIA"], /A[KS]IA[A-Z0-9]{16}(?![A-Za-z0-9])/],
  ["google-oauth", ["ya29.", "GOCSPX-"], /(?:ya29\.|GOCSPX-)[\w-]{20,}/],
  ["azure-client-secret", ["8Q~"], /[\w.~]{3}8Q~[\w.~-]{31,34}/],
  ["cloudflare-token", ["cfut_", "cfat_", "cfk_"], /cf(?:ut|at|k)_[A-Za-z0-9]{40,}/],
  ["digitalocean-token", ["o_v1_", "p_v1_", "r_v1_"], /do[opr]_v1_[a-f0-9]{40,}/],
  ["vercel-token", ["vcp_", "vck_"], /vc[pk]_[A-Za-z0-9]{24,}/],
  ["netlify-token", ["nfp_"], /nfp_[A-Za-z0-9]{30,}/],
  ["render-key", ["rnd_"], /rnd_[A-Za-z0-9]{24,}/],
  ["fly-token", ["fo1_", "fm1_", "fm2_"], /(?:fo1_[\w-]{40,}|fm[12][ar]?_[A-Za-z0-9+/=]{100,})/],
  ["heroku-key", ["HRKU-"], /HRKU-[\w-]{36,}/],
  ["databricks-token", ["dapi"], /dapi[a-f0-9]{32}(?:-\d)?(?![a-f0-9])/],
  ["supabase-key", ["sbp_", "sb_secret_"], /(?:sbp_[a-f0-9]{40}|sb_secret_[\w-]{20,})/],
  ["planetscale-token", ["pscale_"], /pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}/],
  ["neon-key", ["napi_"], /napi_[a-z0-9]{40,}/],
  ["vault-token", ["hvs.", "hvb.", "hvr."], /hv[sbr]\.[\w-]{24,}/],
  ["terraform-token", [".atlasv1."], /[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}/],
  ["doppler-token", ["dp."], /dp\.(?:pt|st|ct|sa|scim|audit)\.[\w.]{40,}/],
  ["tailscale-key", ["tskey-"], /tskey-[a-z]{2,12}-[\w-]{16,}/],
  ["age-key", ["AGE-SECRET-KEY-1"], /AGE-SECRET-KEY-1[A-Z0-9]{40,}/],
  // Code
  [
    "github-token",
    ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"],
    /(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/
  ],
  ["gitlab-token", ["gl"], /gl(?:pat|ptt|dt|rt|cbt|oas|soat|ft|imt|agent|ffct)-[\w-]{20,}/],
  ["bitbucket-token", ["ATBB", "ATCTT3"], /(?:ATBB[A-Za-z0-9]{32}|ATCTT3[\w=-]{60,})/],
  ["atlassian-token", ["ATATT3"], /ATATT3[\w=-]{60,}/],
  ["npm-token", ["npm_"], /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/],
  ["pypi-token", ["pypi-AgE"], /pypi-AgE[\w-]{40,}/],
  ["rubygems-key", ["rubygems_"], /rubygems_[a-f0-9]{48}/],
  ["docker-token", ["dckr_"], /dckr_[a-z]{3}_[\w-]{20,}/],
  ["circleci-token", ["CCIP"], /CCIP(?:AT|RJ)_[A-Za-z0-9]{20,}_[a-f0-9]{40}/],
  ["buildkite-token", ["bkua_"], /bkua_[a-z0-9]{40}/],
  ["sourcegraph-token", ["sgp_"], /sgp_[a-fA-F0-9_]{40,}/],
  ["sentry-token", ["sntry"], /sntry[su]_[\w+/=-]{40,}/],
  ["grafana-token", ["glsa_", "glc_"], /gl(?:sa|c)_[\w+/=]{32,}/],
  ["newrelic-key", ["NRAK-"], /NRAK-[A-Z0-9]{27}/],
  ["postman-key", ["PMAK-"], /PMAK-[a-f0-9]{24}-[a-f0-9]{34}/],
  // Work and money
  ["slack-token", ["xox", "xapp-"], /(?:xox[abeoprs]|xapp)-[A-Za-z0-9-]{10,}/],
  [
    "stripe-key",
    ["k_live_", "k_test_", "whsec_"],
    /(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{16,})/
  ],
  ["square-token", ["sq0"], /sq0[a-z]{3}-[\w-]{22,}/],
  ["shopify-token", ["shp"], /shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/],
  ["sendgrid-key", ["SG."], /SG\.[\w-]{16,64}\.[\w-]{16,}/],
  ["mailgun-key", ["key-"], /key-[a-f0-9]{32}(?![a-f0-9])/],
  ["mailchimp-key", ["-us"], /[a-f0-9]{32}-us\d{1,2}(?!\d)/],
  ["twilio-key", ["SK"], /SK[a-f0-9]{32}(?![a-f0-9])/],
  ["telegram-token", [":AA"], /\d{8,10}:AA[\w-]{33}(?![\w-])/],
  [
    "discord-token",
    ["MT", "Mj", "Mz", "ND", "NT", "Nj", "Nz", "OD", "OT"],
    /[MNO][\w-]{23,26}\.[\w-]{6}\.[\w-]{27,38}(?![\w-])/
  ],
  ["notion-token", ["ntn_", "secret_"], /(?:ntn_[A-Za-z0-9]{40,}|secret_[A-Za-z0-9]{43}(?![A-Za-z0-9]))/],
  ["linear-key", ["lin_"], /lin_(?:api|oauth)_[A-Za-z0-9]{30,}/],
  ["figma-token", ["figd_", "figo"], /fig(?:d|o[ru]?)_[\w-]{40,}/],
  ["airtable-token", ["pat"], /pat[A-Za-z0-9]{14}\.[a-f0-9]{64}/],
  ["1password-token", ["ops_eyJ"], /ops_eyJ[\w=-]{60,}/],
  // Ours: the reader key. A recorder key (asw1…) opens nothing.
  ["agent-sync-key", ["asr1"], /asr1[a-z0-9]{32,}/]
]
