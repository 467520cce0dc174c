// The page starts here.
import { render } from 'preact';
import { App } from './components/app.tsx';
import { followLocale } from './i18n/index.ts';
import { followSettings } from './settings.ts';

followSettings();
followLocale();
render(<App />, document.getElementById('app') as HTMLElement);
