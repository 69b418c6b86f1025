import { checkWebhookUrl, isForbiddenAddress } from './webhook-policy';

const PUBLIC = { allowHttp: false, allowPrivateAddresses: false };
const DEVELOPMENT = { allowHttp: true, allowPrivateAddresses: true };

const PRIVATE_ADDRESS = 'must not lead to a private or reserved address';

describe('isForbiddenAddress', () => {
  const OWN = [
    ...['127.0.0.1', '127.255.255.254', '10.0.0.1', '10.255.255.255', '172.16.0.1'],
    ...['172.31.255.255', '192.168.0.1', '100.64.0.1', '100.127.255.255'],
    ...['::1', 'fc00::1', 'fd00:ec1::254', '100.100.100.199'],
  ];
  const NEVER = [
    // Where clouds keep credentials.
    ...['169.254.169.254', 'fd00:ec2::254', 'fd00:ec2::253', 'fd20:ce::254', 'fd00:42::42'],
    ...['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fe80::a9fe:a9fe', '169.254.170.2'],
    ...['0.0.0.0', '0.1.2.3', '169.254.169.254', '192.0.0.1', '192.0.2.1', '198.18.0.1'],
    ...['198.19.255.255', '198.51.100.1', '203.0.113.1', '192.88.99.1', '224.0.0.1'],
    ...['239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ...['::', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::1', '100::1', '2001:db8::1', '3fff::1'],
    // Other ways to write 127.0.0.1: mapped, compatible, translated, NAT64, 6to4, Teredo.
    ...['::ffff:127.0.0.1', '::ffff:7f00:1', '::7f00:1', '::127.0.0.1', '::ffff:0:7f00:1'],
    ...['64:ff9b::7f00:1', '64:ff9b:1::a00:1', '2002:7f00:1::', '2002:a00:1::1', '2001::1'],
    ...['2001:0:53aa:64c::80ff:fffe', '5f00::1', '4000::1', '::ffff:93.184.215.14'],
    ...['fe80::1%eth0', '', 'localhost', '0177.0.0.1x', '127.0.0.1/8'],
  ];

  it.each(OWN)("keeps webhooks from one's own network unless it is allowed: %s", (address) => {
    expect(isForbiddenAddress(address, PUBLIC)).toBe(true);
    expect(isForbiddenAddress(address, DEVELOPMENT)).toBe(false);
  });

  it.each(NEVER)('never allows %j', (address) => {
    expect(isForbiddenAddress(address, PUBLIC)).toBe(true);
    expect(isForbiddenAddress(address, DEVELOPMENT)).toBe(true);
  });

  it.each([
    ...['93.184.215.14', '1.1.1.1', '172.32.0.1', '172.15.255.255', '100.128.0.1', '192.169.0.1'],
    ...['169.253.1.1', '128.0.0.1', '223.255.255.255', '168.63.129.15'],
    ...['2606:4700:4700::1111', '2a00:1450:4001::1', '2400::1', '2003::1'],
  ])('allows the public %s', (address) => {
    expect(isForbiddenAddress(address, PUBLIC)).toBe(false);
    expect(isForbiddenAddress(address, DEVELOPMENT)).toBe(false);
  });
});

describe('checkWebhookUrl', () => {
  it.each([
    'https://hooks.example',
    'https://hooks.example/a/b?c=d&e=%20',
    'https://hooks.example:8443/',
    'https://HOOKS.example:443/',
    'https://xn--bcher-kva.example/',
    'https://93.184.215.14/',
    'https://[2606:4700:4700::1111]/',
  ])('accepts %s', (url) => {
    expect(checkWebhookUrl(url, PUBLIC)).toBeUndefined();
    expect(checkWebhookUrl(url, DEVELOPMENT)).toBeUndefined();
  });

  it.each([
    ['', 'must be an absolute URL'],
    ['/hooks', 'must be an absolute URL'],
    ['hooks.example', 'must be an absolute URL'],
    ['https://', 'must be an absolute URL'],
    ['https://hooks.example/ ', 'must be an absolute URL'],
    ['https://hooks.ex\nample/', 'must be an absolute URL'],
    ['https://hooks.exämple/', 'must be an absolute URL'],
    ['https://hooks.example:99999/', 'must be an absolute URL'],
    ['http://hooks.example/', 'must begin with https://'],
    ['ftp://hooks.example/', 'must begin with https://'],
    ['file:///etc/passwd', 'must begin with https://'],
    ['javascript:alert(1)', 'must begin with https://'],
    ['https://user@hooks.example/', 'must not contain a user or password'],
    ['https://:key@hooks.example/', 'must not contain a user or password'],
    ['https://hooks.example/#a', 'must not contain a fragment'],
    ['https://hooks.example/#', 'must not contain a fragment'],
    ['https://hooks.example:22/', 'must have the port 80 or 443, or one from 1024'],
    ['https://hooks.example:0/', 'must have the port 80 or 443, or one from 1024'],
    [`https://hooks.example/${'a'.repeat(1_979)}`, 'must have at most 2000 characters'],
  ])('refuses %s', (url, problem) => {
    expect(checkWebhookUrl(url, PUBLIC)).toBe(problem);
  });

  it.each([
    ...['https://127.0.0.1/', 'https://127.1/', 'https://2130706433/', 'https://0x7f.0.0.1/'],
    ...['https://0177.0.0.1/', 'https://127.0.0.1./', 'https://%31%32%37.0.0.1/'],
    ...['https://localhost/', 'https://LOCALHOST:8443/', 'https://a.localhost./'],
    ...['https://10.0.0.1/', 'https://[::1]/', 'https://[fc00::1]/'],
  ])("knows one's own network however it is written: %s", (url) => {
    expect(checkWebhookUrl(url, PUBLIC)).toBe(PRIVATE_ADDRESS);
    expect(checkWebhookUrl(url, DEVELOPMENT)).toBeUndefined();
  });

  it.each([
    ...['https://168.63.129.16/', 'https://[fd00:ec2::254]/', 'https://100.100.100.200/'],
    ...['https://169.254.169.254/', 'https://[::ffff:127.0.0.1]/', 'https://0.0.0.0/'],
    ...['https://[64:ff9b::7f00:1]/', 'https://[fe80::1]/', 'https://0/'],
  ])('never accepts %s', (url) => {
    expect(checkWebhookUrl(url, PUBLIC)).toBe(PRIVATE_ADDRESS);
    expect(checkWebhookUrl(url, DEVELOPMENT)).toBe(PRIVATE_ADDRESS);
  });

  it('accepts HTTP and private addresses apart from each other', () => {
    const http = { allowHttp: true, allowPrivateAddresses: false };
    expect(checkWebhookUrl('http://hooks.example:8080/', http)).toBeUndefined();
    expect(checkWebhookUrl('http://127.0.0.1:8080/', http)).toBe(PRIVATE_ADDRESS);
    expect(checkWebhookUrl('ftp://hooks.example/', http)).toMatch(/https:\/\/ or http:\/\//);
    const own = { allowHttp: false, allowPrivateAddresses: true };
    expect(checkWebhookUrl('http://127.0.0.1/', own)).toBe('must begin with https://');
  });

  it('accepts up to 2000 characters', () => {
    const url = `https://hooks.example/${'a'.repeat(1_978)}`;
    expect(url).toHaveLength(2_000);
    expect(checkWebhookUrl(url, PUBLIC)).toBeUndefined();
  });
});
